import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ThawError, type ResultOf } from '../../client/index.js';
import { startHost, type Host, type HostFault, type HostOptions } from './host.js';
import { testKernel } from './kernel.js';
import { bin } from './paths.js';

export type Vm = ResultOf<'vm.get'>['vm'];
export type Clones = ResultOf<'snapshot.restore'>['clones'];
type Test = Parameters<typeof startHost>[0];

/** A VM's configuration. */
export const machine = (more: object = {}) => ({
  'boot-source': { kernel_image_path: testKernel() },
  ...more,
});

/** No waiting in VMMs and guests: for tests in which time is not the matter. */
export const atOnce = { FIRECRACKER_STANDIN_TIMING: '0' };

/** What the VMMs of a host are told by their environment when they start; the daemon runs on. */
export class Vmms {
  /** A program that takes up the environment and becomes Firecracker. */
  readonly binary: string;

  constructor(t: Test) {
    const dir = mkdtempSync(join(tmpdir(), 'thaw-vmms-'));
    t.teardown(() => rm(dir, { recursive: true }));
    this.binary = join(dir, 'firecracker');
    const firecracker = process.env['FIRECRACKER_BIN'] ?? bin('firecracker');
    writeFileSync(this.binary, `#!/bin/sh\n. "$0.env"\nexec '${firecracker}' "$@"\n`, { mode: 0o755 });
    this.say({});
  }

  /** VMMs started from now on have these faults; without any they are well again. */
  fail(...faults: readonly Readonly<Record<string, unknown>>[]): void {
    this.say({ FIRECRACKER_STANDIN_FAULTS: JSON.stringify(faults) });
  }

  /** VMMs started from now on have this in their environment, and no faults. */
  say(environment: Readonly<Record<string, string>>): void {
    const lines = Object.entries(environment).map(([name, value]) => `export ${name}='${value}'\n`);
    writeFileSync(`${this.binary}.env`, lines.join(''));
  }
}

/**
 * A host with a snapshot `base`, whose source is gone again: whatever is there afterwards, the test has made. Faults
 * come with {@link Vmms} and {@link again}, when nothing is to fail that only prepares.
 */
export async function hostWithBase(t: Test, options: HostOptions = {}): Promise<{ host: Host; vmms: Vmms }> {
  const vmms = new Vmms(t);
  const host = await startHost(t, {
    ...options,
    config: { firecracker: { binary: vmms.binary }, ...options.config },
    env: { ...atOnce, ...options.env },
  });
  await takeBase(host);
  return { host, vmms };
}

/** Boots a source, takes the snapshot `name`, and stops the source. */
export async function takeBase(host: Host, more: object = {}, name = 'base'): Promise<void> {
  await host.client.vm.boot({ name: 'source', config: machine(more) });
  await host.client.snapshot.create({ vm: 'source', name });
  await host.client.vm.stop({ vm: 'source' });
}

/** Stops the daemon and starts the next one, with these faults in it. */
export async function again(host: Host, ...faults: readonly HostFault[]): Promise<void> {
  await host.kill('SIGTERM');
  await host.start(faults.length > 0 ? { THAW_FAULTS: JSON.stringify(faults) } : {});
}

/** Stops all VMs. */
export async function stopAll(host: Host): Promise<void> {
  const { vms } = await host.client.vm.list();
  await Promise.all(vms.map(({ name }) => host.client.vm.stop({ vm: name })));
}

/** The error that a call ends in. */
export async function failureOf(call: Promise<unknown>): Promise<ThawError> {
  let result: unknown;
  try {
    result = await call;
  } catch (error) {
    if (error instanceof ThawError) return error;
    throw error;
  }
  throw new TypeError(`it succeeded: ${JSON.stringify(result)}`);
}

/** Of each clone its word where it came to be, or why it did not. */
export function outcomes(clones: Clones): string[] {
  return clones.map((clone) => (clone.ok ? clone.vm.word : clone.error.data.reason));
}

/** The one clone of a restore. @throws TypeError where it failed */
export function only(clones: Clones): Vm {
  const [clone] = clones;
  if (clone?.ok !== true) throw new TypeError(`no clone: ${JSON.stringify(clone)}`);
  return clone.vm;
}

/** Why the one clone of a restore failed. @throws TypeError where it did not */
export function whyNot(clones: Clones): Extract<Clones[number], { ok: false }>['error'] {
  const [clone] = clones;
  if (clone?.ok !== false) throw new TypeError(`a clone: ${JSON.stringify(clone)}`);
  return clone.error;
}

/** Waits until `look` finds something; what was waited for is in the error. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const until = performance.now() + 10_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > until) throw new TypeError(`waited in vain for ${what}`);
    await sleep(10);
  }
}

/** The process of a VM's VMM, by the number that thawd knows it by. */
export function pidOf(vm: Vm): number {
  if (vm.process.is !== 'alive' || vm.process.pid === null)
    throw new TypeError(`${vm.name} is ${vm.process.is}`);
  return vm.process.pid;
}
