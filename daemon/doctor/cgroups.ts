import type { Diagnosis } from '../api/system.js';
import { ok, warning } from './diagnosis.js';

/** @param controllers `/sys/fs/cgroup/cgroup.controllers`: only a host with cgroup v2 at the root has it */
export function judgeCgroups(controllers: string | null): Diagnosis {
  const list =
    controllers
      ?.trim()
      .split(/\s+/)
      .filter((word) => word !== '') ?? [];
  if (list.includes('memory') && list.includes('cpu')) return ok('cgroups', `version 2: ${list.join(', ')}`);
  return warning(
    'cgroups',
    controllers === null
      ? 'The host has no cgroup v2 at /sys/fs/cgroup: one VM can take the others’ memory and processor'
      : `cgroup v2 without the controllers memory and cpu (${list.join(', ') || 'none'})`,
    'Boot the host with systemd.unified_cgroup_hierarchy=1',
  );
}
