import type { VmRecord } from '../records/vm-record.js';
import { hasNic } from '../steps/detach.js';
import type { Fleet } from '../vmm/fleet.js';
import type { Context, Step } from '../../plugins/contract.js';

/**
 * What the record of a VM says after a change that was broken off: NICs that the change has unplugged are gone, and
 * what they held was freed, where it could be.
 * @param left steps whose undo failed
 */
export async function withoutUnplugged(
  record: VmRecord,
  { steps, left, fleet }: { steps: readonly Step[]; left: readonly Step[]; fleet: Fleet },
  cx: Context,
): Promise<Partial<VmRecord>> {
  const gone = new Set<string>();
  for (const step of steps) {
    const { kind, nic } = step;
    if (kind !== 'free' || typeof nic !== 'string' || left.includes(step) || !fleet.find(record.id)) continue;
    if (!(await hasNic(fleet, { vm: record.id, nic }, cx))) gone.add(nic);
  }
  if (gone.size === 0) return {};
  return {
    steps: record.steps.filter(({ nic }) => typeof nic !== 'string' || !gone.has(nic)),
    attachments: record.attachments.filter(({ grant }) => !gone.has(grant.nic)),
  };
}
