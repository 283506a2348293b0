import { join } from 'node:path';
import type { VmId } from '../api/shapes/ids.js';
import type { CgroupStep } from '../steps/cgroup.js';
import type { Confinement } from '../vmm/cgroups.js';

/** The step that limits a VMM, after that which starts it; none without limits. Pure. */
export function confine(vm: VmId, confinement: Confinement | null): readonly CgroupStep[] {
  if (confinement === null) return [];
  const { parent, limits } = confinement;
  return [{ kind: 'cgroup', vm, path: join(parent, vm), limits }];
}
