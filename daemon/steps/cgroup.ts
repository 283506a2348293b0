import { basename } from 'node:path';
import { z } from 'zod';
import { internal } from '../api/errors/rpc.js';
import { VmLimits } from '../api/shapes/limits.js';
import { cgroupEnter, cgroupLook, cgroupMake, cgroupRemove } from '../effects/cgroups.js';
import type { VmRecord } from '../records/vm-record.js';
import type { Fleet } from '../vmm/fleet.js';
import { stepKind, type Step } from '../../plugins/contract.js';

const schema = z.object({ kind: z.literal('cgroup'), vm: z.string(), path: z.string(), limits: VmLimits });
export type CgroupStep = z.infer<typeof schema> & Step;

/** Microseconds over which processor time is counted: the kernel's default. */
const period = 100_000;

/** What limits are in the files of cgroup v2, and whose these are (Documentation/admin-guide/cgroup-v2.rst). Pure. */
export function cgroupFiles({ memoryMib, cpus, pids }: VmLimits): {
  readonly controllers: readonly string[];
  readonly files: Readonly<Record<string, string>>;
} {
  return {
    controllers: [
      ...(memoryMib === undefined ? [] : ['memory']),
      ...(cpus === undefined ? [] : ['cpu']),
      ...(pids === undefined ? [] : ['pids']),
    ],
    files: {
      // A VMM without one of its threads is no VM: all of it goes, or none.
      ...(memoryMib !== undefined && { 'memory.max': String(memoryMib * 2 ** 20), 'memory.oom.group': '1' }),
      ...(cpus !== undefined && { 'cpu.max': `${Math.round(cpus * period)} ${period}` }),
      ...(pids !== undefined && { 'pids.max': String(pids) }),
    },
  };
}

/** The limits that a VM's record tells of; null where it has none. Pure. */
export function limitsOf({ steps, pending }: Pick<VmRecord, 'steps' | 'pending'>): VmLimits | null {
  const step = [...steps, ...(pending?.steps ?? [])].find(({ kind }) => kind === 'cgroup');
  return step === undefined ? null : (VmLimits.safeParse(step['limits']).data ?? null);
}

/**
 * The VMM in a cgroup of its own. It is moved right after its start, when it has next to no memory: the guest's comes with
 * the load or the boot. Started inside it would have to be by clone3, which Node does not offer.
 */
export const cgroupKind = (fleet: Fleet) =>
  stepKind<CgroupStep>({
    kind: 'cgroup',
    schema,
    async run({ vm, path, limits }, cx) {
      const pid = fleet.identity(vm)?.pid;
      if (pid === undefined) throw internal({ what: `${vm} has no process to limit` });
      fleet.confined(vm, { path, limits });
      await cgroupMake({ path, ...cgroupFiles(limits) }, cx);
      await cgroupEnter({ path, pid }, cx);
    },
    async undo({ vm, path }, cx) {
      // What is in it ends with it: never one that is not this VM's.
      if (basename(path) === vm) await cgroupRemove(path, cx);
    },
    async check({ vm, path, limits }, cx) {
      const { files } = cgroupFiles(limits);
      const found = await cgroupLook({ path, names: Object.keys(files) }, cx);
      const remedy = `Stop ${vm} and restore or boot another: what changes cgroups on this host has changed this one`;
      const tell = (problem: string) => [{ what: `cgroup of ${vm}`, problem, remedy }];
      if (found === null) return tell('it is gone');
      const pid = fleet.identity(vm)?.pid;
      if (pid !== undefined && !found.pids.includes(pid)) return tell('its VMM is not in it');
      const other = Object.entries(files).find(([name, text]) => found.files[name] !== text);
      return other ? tell(`${other[0]} is ${found.files[other[0]] ?? 'gone'} and not ${other[1]}`) : [];
    },
    adopt: ({ vm, path, limits }) => fleet.confined(vm, { path, limits }),
  });
