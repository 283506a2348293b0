import { operationUnknown } from '../api/errors/vm.js';
import type { CheckedParamsOf } from '../api/index.js';
import type { Inode } from '../api/shapes/file.js';
import type { Operations } from '../operations/operations.js';
import type { Turnstile } from '../operations/turnstile.js';
import type { Adopter } from '../vms/adopter.js';
import type { Booter } from '../vms/booter.js';
import type { Power } from '../vms/power.js';
import type { Lifecycle } from '../vms/lifecycle.js';
import type { Lifetimes } from '../vms/lifetimes.js';
import type { Vms } from '../vms/vms.js';
import type { Call, Handlers } from './call.js';
import { askerOf } from '../operations/askers.js';
import { follow } from './follow.js';
import { allowedFile, type Roots } from './roots.js';

export interface VmParts {
  readonly roots: Roots;
  readonly vms: Vms;
  readonly adopter: Adopter;
  readonly booter: Booter;
  readonly power: Power;
  readonly lifecycle: Lifecycle;
  readonly lifetimes: Lifetimes;
  readonly operations: Operations;
  readonly turnstile: Turnstile;
}

type VmMethods =
  | 'vm.adopt'
  | 'vm.boot'
  | 'vm.extend'
  | 'vm.release'
  | 'vm.list'
  | 'vm.get'
  | 'vm.pause'
  | 'vm.resume'
  | 'vm.stop'
  | 'vm.timeline';

/** VMs: boot, look, pause, resume, stop. */
export function vmHandlers(parts: VmParts): Pick<Handlers, VmMethods> {
  const { vms, adopter, booter, power, lifecycle, lifetimes, operations, turnstile } = parts;
  return {
    'vm.boot': async (params, call) => {
      const judged = await allowFiles(params.config, { call, roots: parts.roots }, operations);
      const vm = await turnstile.through(call.signal, () =>
        booter.boot({ ...params, judged, signal: call.signal, follow: follow(call) }),
      );
      return { vm: vm.view() };
    },
    'vm.list': () => ({ vms: vms.list() }),
    'vm.get': (params) => ({ vm: vms.get(params.vm) }),
    'vm.pause': async (params, call) => {
      const vm = vms.ours(params.vm);
      const warnings = await power.pause(vm, call.signal);
      return { vm: vm.view(), warnings: [...warnings] };
    },
    'vm.resume': async (params, call) => {
      const vm = vms.ours(params.vm);
      await power.resume(vm, call.signal);
      return { vm: vm.view() };
    },
    'vm.adopt': async ({ vm: ref, ...params }, { signal, peer }) => {
      const vm = await adopter.adopt(vms.theirs(ref), { ...params, uid: peer.uid, signal });
      return { vm: vm.view() };
    },
    'vm.release': async (params, { signal }) => {
      const vm = vms.ours(params.vm);
      await adopter.release(vm, signal);
      return { vm: vm.name };
    },
    'vm.extend': async (params, { signal }) => {
      const vm = vms.ours(params.vm);
      await lifetimes.extend(vm, { ttl: params.ttl, signal });
      return { vm: vm.view() };
    },
    'vm.stop': async (params, call) => {
      const vm = vms.ours(params.vm);
      await lifecycle.stop(vm, 'vm.stop', askerOf(call.signal));
      return { vm: vm.id };
    },
    'vm.timeline': ({ vm, operation }) => {
      if (operation !== undefined) {
        const found = operations.byId(operation);
        if (!found) throw operationUnknown({ operation });
        return { timelines: [found.timeline()] };
      }
      const all = vm === undefined ? operations.all() : operations.of(vm);
      if (all.length === 0 && vm !== undefined) vms.get(vm);
      return { timelines: all.map((one) => one.timeline()) };
    },
  };
}

/**
 * Replaces the paths of a configuration by those that this caller may name.
 * @returns which file each of them is, where that was judged
 * @throws pathNotAllowed
 */
async function allowFiles(
  config: CheckedParamsOf<'vm.boot'>['config'],
  { call, roots }: { call: Call; roots: Roots },
  operations: Operations,
): Promise<ReadonlyMap<string, Inode>> {
  const cx = operations.looking(call.signal);
  const judged = new Map<string, Inode>();
  const allow = async (named: string): Promise<string> => {
    const { path, inode } = await allowedFile(named, { peer: call.peer, roots }, cx);
    if (inode) judged.set(path, inode);
    return path;
  };
  const source = config['boot-source'];
  source.kernel_image_path = await allow(source.kernel_image_path);
  if (source.initrd_path !== undefined) source.initrd_path = await allow(source.initrd_path);
  for (const drive of config.drives) drive.path_on_host = await allow(drive.path_on_host);
  return judged;
}
