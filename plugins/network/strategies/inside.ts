import { macTaken, nicUnknown } from '../../../daemon/api/errors/network.js';
import { NetworkName, type Mac } from '../../../daemon/api/shapes/ids.js';
import type { Manifest } from '../../../daemon/api/shapes/snapshot.js';
import type { RestoreNic } from '../../../daemon/api/snapshot.js';
import type { ThawError } from '../../../daemon/api/thaw-error.js';
import {
  guestNic,
  type GuestSide,
  type Place,
  type PlannedNic,
  type Question,
  type Step,
} from '../../contract.js';
import { called, refuser } from './words.js';

/** A NIC that a snapshot has inside, with what is asked for it. */
export interface InsideNic {
  readonly nic: Manifest['nics'][number] & { readonly mac: Mac };
  readonly wish: RestoreNic;
  /** The network that its clone's NIC is put into. */
  readonly network: NetworkName;
}

export type Inside =
  | { readonly ok: true; readonly nics: readonly InsideNic[] }
  | { readonly ok: false; readonly error: ThawError };

/**
 * The NICs inside a snapshot, each with the wish that means it: by its id, else the next without one. What is no NIC of
 * the snapshot's is refused here, because a load that names one ends the VMM. Pure.
 */
export function nicsInsideFor(strategy: string, question: Question): Inside {
  const { manifest, wishes } = question;
  const unfit = refuser(strategy, question);
  const refuse = (error: ThawError): Inside => ({ ok: false, error });
  if (manifest.nics.length === 0)
    return refuse(
      unfit('it has no NIC inside', 'Use hot-attach (thaw’s default), or none for clones without a network'),
    );
  if (wishes?.length === 0)
    return refuse(
      unfit(
        'its NICs can’t be left out',
        'Leave out the list of NICs, or take a snapshot of a VM without a NIC',
      ),
    );
  const known = manifest.nics.map(({ id }) => id);
  const named = new Map<string, RestoreNic>();
  const others: RestoreNic[] = [];
  for (const wish of wishes ?? []) {
    if (wish.id === undefined) others.push(wish);
    else if (!known.includes(wish.id))
      return refuse(nicUnknown({ snapshot: called(question), nic: wish.id, known }));
    else if (named.has(wish.id))
      return refuse(unfit(`${wish.id} is asked for twice`, 'Ask for each NIC once'));
    else named.set(wish.id, wish);
  }
  const nics: InsideNic[] = [];
  for (const { mac, ...nic } of manifest.nics) {
    if (mac === null)
      return refuse(
        unfit(
          `nobody knows the MAC of its ${nic.id}`,
          'Boot the source with thaw, which gives every NIC a MAC, and take a new snapshot',
        ),
      );
    const wish = named.get(nic.id) ?? others.shift() ?? {};
    const network = wish.network ?? nic.network ?? NetworkName.parse('default');
    nics.push({ nic: { ...nic, mac }, wish, network });
  }
  if (others.length > 0)
    return refuse(
      unfit(
        `it has ${known.length} NICs inside (${known.join(', ')}), more were asked for`,
        'Attach further NICs once the clone is ready: `thaw attach`',
      ),
    );
  return checkedMacs(nics);
}

/** A guest finds its NICs by their former MACs: none may get that of a neighbour. */
function checkedMacs(nics: readonly InsideNic[]): Inside {
  for (const { nic, wish } of nics) {
    const other = nics.find((one) => one.nic.id !== nic.id && one.nic.mac === wish.mac);
    if (wish.mac !== undefined && other)
      return { ok: false, error: macTaken({ mac: wish.mac, by: `${other.nic.id} of the snapshot` }) };
  }
  return { ok: true, nics };
}

/** `PATCH /network-interfaces/<iface_id>` after the load, for NICs that are to have limits of their own. Pure. */
export function limitSteps(nics: readonly PlannedNic[]): readonly Step[] {
  return nics
    .filter(({ place }) => place.rxRateLimiter ?? place.txRateLimiter)
    .map(({ place, grant }) => ({ kind: 'limit', vm: grant.vm, nic: grant.nic, ...limitsOf(place) }));
}

/** How a guest is told of NICs that it has had already: it finds each by the MAC from the snapshot. Pure. */
export function tellInside(nics: readonly PlannedNic[], manifest: Manifest): readonly GuestSide[] {
  return nics.map(({ grant }) => {
    const former = manifest.nics.find(({ id }) => id === grant.nic)?.mac;
    const renewed = former !== undefined && former !== null && former !== grant.mac;
    return { nic: grant.nic, tell: { ...guestNic(grant), ...(renewed && { formerMac: former }) } };
  });
}

/** The limits that a wish asks for, as part of a place. Pure. */
export function limitsOf({
  rxRateLimiter,
  txRateLimiter,
}: Pick<RestoreNic, 'rxRateLimiter' | 'txRateLimiter'>): Pick<Place, 'rxRateLimiter' | 'txRateLimiter'> {
  return { ...(rxRateLimiter && { rxRateLimiter }), ...(txRateLimiter && { txRateLimiter }) };
}

/** Whether one of the NICs is in a tap, and whose it is; undefined where all are free. Pure. */
export function userOf(
  nics: readonly InsideNic[],
  { tapUsers }: Question,
): { readonly tap: string; readonly by: string } | undefined {
  for (const { nic } of nics) {
    const by = tapUsers.get(nic.tap);
    if (by !== undefined) return { tap: nic.tap, by };
  }
  return undefined;
}
