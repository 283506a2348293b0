import { resolve } from 'node:path';
import { type Context } from '../../plugins/contract.js';
import { socketPathTooLong } from '../api/errors/host.js';
import { vmmNotExecutable } from '../api/errors/vmm.js';
import { processFind, spawnDetached, type Spawned } from '../effects/process.js';
import { executableLook } from '../effects/vmm-files.js';
import { unitStart } from '../effects/systemd-unit.js';
import {
  adoptProcess,
  vmmFiles,
  vmmProcess,
  type Cell,
  type ProcessIdentity,
  type VmmProcess,
} from './process.js';

/** A VMM to start. */
export interface LaunchWish {
  /** Becomes its `--id`: letters, digits, `-`, at most 64. */
  readonly vm: string;
  /** Absolute path of the Firecracker binary. */
  readonly binary: string;
  /** The VM's folder, absolute: working directory, where relative paths of sockets and drives lead. It must exist. */
  readonly dir: string;
  /** `--enable-pci`: what hot-plug needs. A restored VM has its snapshot's transport whatever is said here. */
  readonly enablePci: boolean;
  /** Where it is limited, once it is. */
  readonly cell?: () => Cell | undefined;
  /** Where systemd starts it, as a service of its own under this slice; left out, it is a child of ours. */
  readonly slice?: string | undefined;
  /** More arguments, from the configuration. */
  readonly args?: readonly string[];
  /** Runs the start where the process shall live: in a network namespace. Must not wait. */
  readonly within?: (<T>(work: () => T) => T) | undefined;
  /** Added to this process's environment; tests steer the stand-in by it. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The kernel's bound for a Unix socket's path (`sun_path`, 108 with the NUL). */
const longestSocketPath = 107;

/** Of the daemon's environment, what is meant for it alone: systemd's sockets, notifications and watchdog, its memory. */
const forUsOnly =
  /^(?:LISTEN_|NOTIFY_SOCKET$|WATCHDOG_|NODE_|INVOCATION_ID$|JOURNAL_STREAM$|CREDENTIALS_DIRECTORY$|MALLOC_ARENA_MAX$|THAW_)/;

/** What a VMM inherits of an environment. */
export function scrub(env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !forUsOnly.test(name)));
}

/**
 * Starts a Firecracker in its VM's folder, detached: the daemon's end is not the VM's. Its output goes to `vmm.log`.
 * The API socket is there after {@link VmmProcess.waitForSocket}. Where this is aborted or fails nothing runs, but for
 * what a fault injected after the spawn leaves: {@link findVmm} finds that.
 * @throws vmmNotExecutable, socketPathTooLong
 */
export async function launchVmm(wish: LaunchWish, cx: Context): Promise<VmmProcess> {
  const { vm, binary, dir } = wish;
  const apiSocket = resolve(dir, vmmFiles.apiSocket);
  if (Buffer.byteLength(apiSocket) > longestSocketPath) throw socketPathTooLong({ path: apiSocket });
  const looked = await executableLook(binary, cx);
  if ('why' in looked) throw vmmNotExecutable({ binary, why: looked.why });
  const pci = wish.enablePci ? ['--enable-pci'] : [];
  const args = ['--id', vm, '--api-sock', vmmFiles.apiSocket, ...pci, ...(wish.args ?? [])];
  let spawned: Spawned;
  try {
    const env = { ...scrub(process.env), ...wish.env };
    const log = resolve(dir, vmmFiles.log);
    const { slice, within } = wish;
    if (slice !== undefined) {
      const unit = { name: `thaw-${vm}`, slice, binary, args, cwd: dir, log, env, within };
      const cell = wish.cell && { cell: wish.cell };
      return adoptProcess({ vm, dir, apiSocket, ...(await unitStart(unit, cx)), ...cell });
    }
    spawned = await spawnDetached({ binary, args, cwd: dir, log, env, within: wish.within }, cx);
  } catch (error) {
    const code = spawnErrorCode(error);
    if (code === null) throw error;
    throw vmmNotExecutable({ binary, why: `starting it in ${dir} failed (${code})` }, { cause: error });
  }
  const { pid, startTime, exited } = spawned;
  const facts = { vm, dir, apiSocket, pid, startTime, ...(wish.cell && { cell: wish.cell }) };
  return vmmProcess(facts, exited, () => undefined);
}

function spawnErrorCode(error: unknown): string | null {
  const spawning = error instanceof Error && 'syscall' in error && 'code' in error;
  return spawning && typeof error.code === 'string' ? error.code : null;
}

/** VMMs of a VM that live, by `--id` and folder: also those that nobody has written down. */
export async function findVmm(
  { vm, dir }: { vm: string; dir: string },
  cx: Context,
): Promise<readonly ProcessIdentity[]> {
  return await processFind({ cwd: dir, option: '--id', value: vm }, cx);
}
