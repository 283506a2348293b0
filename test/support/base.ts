import { setTimeout as sleep } from 'node:timers/promises';
import { ThawError, type ResultOf } from '../../client/index.js';
import { startHost, type Host, type HostFault, type HostOptions } from './host.js';
import { testKernel } from './kernel.js';

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

/** A host with a snapshot `base`, whose source is gone again: whatever is there afterwards, the test has made. */
export async function hostWithBase(t: Test, options: HostOptions = {}): Promise<Host> {
  const host = await startHost(t, { ...options, env: { ...atOnce, ...options.env } });
  await host.client.vm.boot({ name: 'source', config: machine() });
  await host.client.snapshot.create({ vm: 'source', name: 'base' });
  await host.client.vm.stop({ vm: 'source' });
  return host;
}

/** Stops the daemon and starts the next one, with these faults in it or in the VMMs that it starts. */
export async function again(
  host: Host,
  faults: {
    readonly daemon?: readonly HostFault[];
    readonly vmm?: readonly Readonly<Record<string, unknown>>[];
  } = {},
): Promise<void> {
  await host.kill('SIGTERM');
  await host.start({
    ...(faults.daemon && { THAW_FAULTS: JSON.stringify(faults.daemon) }),
    ...(faults.vmm && { FIRECRACKER_STANDIN_FAULTS: JSON.stringify(faults.vmm) }),
  });
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

/** The one clone of a restore. @throws TypeError where it failed */
export function only(clones: Clones): Vm {
  const [clone] = clones;
  if (clone?.ok !== true) throw new TypeError(`no clone: ${JSON.stringify(clone)}`);
  return clone.vm;
}

/** Waits until `look` finds something; what was waited for is in the error. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const until = performance.now() + 20_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > until) throw new TypeError(`waited in vain for ${what}`);
    await sleep(10);
  }
}
