import { z } from 'zod';
import { NetworkName } from '../../../daemon/api/shapes/ids.js';
import { nicAfterUnplug, nicUnknown, noPci } from '../../../daemon/api/errors/network.js';
import { vmmTooOld } from '../../../daemon/api/errors/vmm.js';
import type { ThawError } from '../../../daemon/api/thaw-error.js';
import {
  definePlugin,
  guestNic,
  pluginContract,
  type PlanFacts,
  type PlannedNic,
  type Question,
  type Step,
  type StrategyPlan,
  type Verdict,
} from '../../contract.js';
import { stepsFor } from '../steps.js';
import { olderThan } from './version.js';
import { called, nicsInside, refuser } from './words.js';

/** The first Firecracker whose NICs can be plugged into a running VM. */
const needed = '1.16';

function refusal(question: Question): ThawError | null {
  const { manifest, vmmVersion, wishes, keepMac } = question;
  const unfit = refuser('hot-attach', question);
  if (manifest.nics.length > 0)
    return unfit(
      `it carries a NIC (${nicsInside(question)}), so every clone would open the same tap`,
      'Use the strategy override, or boot the source without a NIC (thaw’s default) and take a new snapshot',
    );
  if (keepMac) return unfit('it has no NIC whose MAC could be kept', 'Leave out keepMac');
  const named = wishes?.find(({ id }) => id !== undefined)?.id;
  if (named !== undefined) return nicUnknown({ snapshot: called(question), nic: named, known: [] });
  // Without a NIC to attach, any snapshot without one will do.
  if (wishes?.length === 0) return null;
  if (!manifest.pci) return noPci({ vm: manifest.source.vm });
  if (manifest.everUnplugged) return nicAfterUnplug({ vm: manifest.source.vm });
  if (manifest.hotAttach.is === 'no')
    return unfit(manifest.hotAttach.reason, 'Boot the source without a NIC and take a new snapshot');
  if (manifest.hotAttach.is === 'unknown')
    return unfit(
      `nobody knows whether a NIC would work in its clones: ${manifest.hotAttach.reason}`,
      'Take it again with verify: a throw-away clone then proves it',
    );
  if (olderThan(vmmVersion, needed))
    return vmmTooOld({ version: vmmVersion, needed, why: 'a NIC for a running VM' });
  return null;
}

/** A snapshot without a NIC, and a history in which none was unplugged: its clones get new ones. Pure. */
export function judgeHotAttach(question: Question): Verdict {
  const error = refusal(question);
  if (error) return { ok: false, error };
  const wishes = question.wishes ?? [{}];
  const places = wishes.map(({ network = NetworkName.parse('default'), ...wish }, index) => ({
    ...wish,
    network,
    nic: `eth${index}`,
  }));
  return { ok: true, places };
}

/** `PUT /network-interfaces/<iface_id>` while the clone is paused, as data; the daemon owns the kind. */
function nicStep({ grant, place }: PlannedNic): Step {
  const { rxRateLimiter, txRateLimiter } = place;
  const { vm, nic, tap, mac, mtu } = grant;
  return {
    ...{ kind: 'nic', vm, nic, tap, mac, mtu },
    ...(rxRateLimiter && { rxRateLimiter }),
    ...(txRateLimiter && { txRateLimiter }),
  };
}

/** Each clone gets its own NICs between the load and the resume. Pure. */
export function planHotAttach({ nics }: PlanFacts): StrategyPlan {
  return {
    prepare: nics.flatMap(({ grant }) => stepsFor(grant)),
    vmm: nics.some(({ grant }) => grant.cni ?? grant.takeover) ? { netns: 'own' } : {},
    load: { keys: {}, taps: [] },
    plug: nics.map(nicStep),
    rescan: nics.length > 0,
    guest: nics.map(({ grant }) => ({ nic: grant.nic, tell: guestNic(grant) })),
    settle: [],
  };
}

export default definePlugin({
  kind: 'strategy',
  name: 'hot-attach',
  contract: pluginContract,
  config: z.strictObject({}),
  start: () => Promise.resolve({ slots: true, judge: judgeHotAttach, plan: planHotAttach, kinds: {} }),
});
