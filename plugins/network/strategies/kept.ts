import { tapTaken } from '../../../daemon/api/errors/network.js';
import {
  type PlanFacts,
  type Place,
  type Question,
  type StrategyPlan,
  type Verdict,
} from '../../contract.js';
import { stepsFor } from '../steps.js';
import { limitSteps, limitsOf, nicsInsideFor, tellInside, userOf, type InsideNic } from './inside.js';
import { refuser } from './words.js';

// What `recorded` and `predictable` have in common: the clone takes the source's place, its taps' names, MACs and
// addresses. One VM at a time can have that place; the source counts.

/** A NIC's place: as it was, but for what is asked otherwise. */
function placeOf({ nic, wish, network }: InsideNic): Place {
  const stays = network === nic.network;
  // The IPv4 address decides; an IPv6 one goes with it.
  const was = nic.addresses.find((address) => !address.includes(':'));
  return {
    ...{ nic: nic.id, network, tap: nic.tap, mac: wish.mac ?? nic.mac, ports: wish.ports },
    address: wish.address ?? (stays ? was?.split('/')[0] : undefined),
    ...limitsOf(wish),
  };
}

/** Whether the guest must be told something for this place. */
function changes(place: Place, { nic, network }: InsideNic): boolean {
  const was = nic.addresses.map((address) => address.split('/')[0]);
  return place.mac !== nic.mac || network !== nic.network || !was.includes(place.address);
}

/** A snapshot with its NICs inside, for one clone where nobody else has their taps. Pure. */
export function judgeKept(strategy: string, question: Question): Verdict {
  const unfit = refuser(strategy, question);
  const inside = nicsInsideFor(strategy, question);
  if (!inside.ok) return inside;
  const { nics } = inside;
  if (question.clones > 1) {
    const taps = nics.map(({ nic }) => nic.tap).join(', ');
    return {
      ok: false,
      error: unfit(
        `its tap ${taps} can be one VM’s at a time, and ${question.clones} clones were asked for`,
        'Restore one, or use the strategy override',
      ),
    };
  }
  const used = userOf(nics, question);
  if (used) return { ok: false, error: tapTaken(used) };
  const places = nics.map(placeOf);
  const told = nics.find((nic, index) => changes(places[index] ?? placeOf(nic), nic));
  if (question.manifest.agent === null && told) {
    return {
      ok: false,
      error: unfit(
        `it has no agent that could tell the guest another MAC or address for ${told.nic.id}`,
        'Leave out what was asked for it; where nobody knows its address, boot the source with thaw',
      ),
    };
  }
  return { ok: true, places };
}

/** Taps of the recorded names, with rules for the MACs and addresses that the guest has; it is told all the same. Pure. */
export function planKept({ nics, manifest }: PlanFacts): StrategyPlan {
  return {
    prepare: nics.flatMap(({ grant }) => stepsFor(grant)),
    vmm: {},
    load: { keys: {}, taps: nics.map(({ grant }) => grant.tap) },
    plug: limitSteps(nics),
    rescan: false,
    guest: tellInside(nics, manifest),
    settle: [],
  };
}
