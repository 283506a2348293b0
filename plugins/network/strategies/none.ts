import { z } from 'zod';
import { notFit } from '../../../daemon/api/errors/snapshot.js';
import { definePlugin, pluginContract, type PlanFacts, type Planned } from '../../contract.js';

/** No network: for snapshots without a NIC. Pure. */
export function planNone({ manifest }: PlanFacts): Planned {
  if (manifest.nics.length > 0) {
    const nics = manifest.nics.map(({ id, tap }) => `${id} on ${tap}`).join(', ');
    return {
      ok: false,
      error: notFit({
        snapshot: manifest.id,
        strategy: 'none',
        why: `it carries a NIC (${nics}), whose tap Firecracker would make or open at the load`,
        instead: 'Take the snapshot again with strip, or of a VM that was booted without a NIC',
      }),
    };
  }
  return { ok: true, plan: { prepare: [], load: {}, plug: [] } };
}

export default definePlugin({
  kind: 'strategy',
  name: 'none',
  contract: pluginContract,
  config: z.strictObject({}),
  start: () => Promise.resolve({ wantsNics: false, plan: planNone, kinds: {} }),
});
