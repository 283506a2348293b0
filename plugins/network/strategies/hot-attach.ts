import { z } from 'zod';
import { nicAfterUnplug, noPci } from '../../../daemon/api/errors/network.js';
import { notFit } from '../../../daemon/api/errors/snapshot.js';
import { vmmTooOld } from '../../../daemon/api/errors/vmm.js';
import type { ThawError } from '../../../daemon/api/thaw-error.js';
import {
  definePlugin,
  pluginContract,
  type PlanFacts,
  type Planned,
  type PlannedNic,
  type Step,
} from '../../contract.js';
import { stepsFor } from '../steps.js';

/** The first Firecracker whose NICs can be plugged into a running VM. */
const needed = [1, 16] as const;

function tooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number.parseFloat);
  return major < needed[0] || (major === needed[0] && minor < needed[1]);
}

function refusal({ manifest, vmmVersion, nics }: PlanFacts): ThawError | null {
  const unfit = (why: string, instead: string) =>
    notFit({ snapshot: manifest.id, strategy: 'hot-attach', why, instead });
  if (manifest.nics.length > 0)
    return unfit(
      `it carries a NIC (${manifest.nics.map(({ id, tap }) => `${id} on ${tap}`).join(', ')}), so every clone would open the same tap`,
      'Boot the source without a NIC (thaw’s default) and take a new snapshot',
    );
  // Without a NIC to attach, any snapshot without one will do.
  if (nics.length === 0) return null;
  if (!manifest.pci) return noPci({ vm: manifest.source.vm });
  if (manifest.everUnplugged) return nicAfterUnplug({ vm: manifest.source.vm });
  if (manifest.hotAttach.is === 'no')
    return unfit(manifest.hotAttach.reason, 'Boot the source without a NIC and take a new snapshot');
  if (manifest.hotAttach.is === 'unknown')
    return unfit(
      `nobody knows whether a NIC would work in its clones: ${manifest.hotAttach.reason}`,
      'Take it again with verify: a throw-away clone then proves it',
    );
  if (tooOld(vmmVersion))
    return vmmTooOld({ version: vmmVersion, needed: needed.join('.'), why: 'a NIC for a running VM' });
  return null;
}

/** `PUT /network-interfaces/<iface_id>` while the clone is paused, as data; the daemon owns the kind. */
function nicStep({ grant, rxRateLimiter, txRateLimiter }: PlannedNic): Step {
  return {
    kind: 'nic',
    vm: grant.vm,
    nic: grant.nic,
    tap: grant.tap,
    mac: grant.mac,
    mtu: grant.mtu,
    rxRateLimiter,
    txRateLimiter,
  };
}

/** A snapshot without a NIC; each clone gets its own between the load and the resume. Pure. */
export function planHotAttach(facts: PlanFacts): Planned {
  const error = refusal(facts);
  if (error) return { ok: false, error };
  return {
    ok: true,
    plan: {
      prepare: facts.nics.flatMap(({ grant }) => stepsFor(grant)),
      load: {},
      plug: facts.nics.map(nicStep),
    },
  };
}

export default definePlugin({
  kind: 'strategy',
  name: 'hot-attach',
  contract: pluginContract,
  config: z.strictObject({}),
  start: () => Promise.resolve({ wantsNics: true, plan: planHotAttach, kinds: {} }),
});
