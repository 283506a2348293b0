import { closeSync, openSync } from 'node:fs';
import { effect } from '../../plugins/contract.js';
import { SystemdBus } from './systemd-bus.js';
import type { SpawnWish } from './process.js';
import { readStartTime, type ProcessIdentity } from './vmm-proc.js';

export interface UnitWish extends Omit<SpawnWish, 'env'> {
  /** Its name, without `.service`. */
  readonly name: string;
  /** The slice it lives under. */
  readonly slice: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Starts a process as a service of its own, by systemd: what it inherits of us is nothing, neither control group nor
 * mounts, rights or system-call filter, and nobody ends it with us. As {@link spawnDetached} otherwise.
 * @throws unitRefused
 */
export const unitStart = effect('unit.start', async (wish: UnitWish): Promise<ProcessIdentity> => {
  const { binary, args, cwd, log, slice, name, within } = wish;
  const unit = `${name}.service`;
  const entries: readonly (readonly [string, string | undefined])[] = Object.entries({
    ...wish.env,
    PWD: cwd,
  });
  const env = entries.flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]));
  // Where it shall live, as a path that systemd can open while we hold it.
  const netns = within?.(() => openSync('/proc/thread-self/ns/net', 'r'));
  try {
    const bus = await SystemdBus.open();
    try {
      await bus.start(unit, [
        ['Description', 's', `thaw: VMM ${name}`],
        ['Type', 's', 'exec'],
        ['ExecStart', 'exec', { binary, args }],
        ['Slice', 's', slice],
        ['WorkingDirectory', 's', cwd],
        ['Environment', 'as', env],
        ['UMask', 'u', 0o077],
        ['StandardOutputFileToAppend', 's', log],
        ['StandardErrorFileToAppend', 's', log],
        // Forgotten once it has ended, however.
        ['CollectMode', 's', 'inactive-or-failed'],
        ...(netns === undefined
          ? []
          : [['NetworkNamespacePath', 's', `/proc/${process.pid}/fd/${netns}`] as const]),
      ]);
      const pid = await bus.mainPid(unit);
      return { pid, startTime: readStartTime(pid) ?? '0' };
    } finally {
      bus.close();
    }
  } finally {
    if (netns !== undefined) closeSync(netns);
  }
});
