import { bridgeFull, linkForeign, tapBusy, tapNotReady } from '../../../daemon/api/errors/network.js';
import { effect } from '../../contract.js';
import { aliasOf, tapGroup, vmOfAlias } from '../names.js';
import { changeLink, isolatePort } from '../netlink/link-requests.js';
import { type Link } from '../netlink/link-info.js';
import type { Request } from '../netlink/message.js';
import { addAccess, dropVlan } from '../netlink/vlan-requests.js';
import type { TapStep } from '../steps.js';
import { tapProblems } from '../tap-state.js';
import { errno, failed } from './libc.js';
import type { LinkRemover } from './remover.js';
import type { Route } from './route.js';
import { closeTap, openTap, persist, type OpenTap } from './tun.js';

type Wish = Omit<TapStep, 'kind'>;

/** Refuses a link that is not this VM's tap, or that somebody has open. */
function mustBeOurs(link: Link, { vm, name }: Wish): void {
  if (vmOfAlias(link.alias) !== vm)
    throw linkForeign({
      link: name,
      why: `its alias is ${JSON.stringify(link.alias ?? '')}, not thaw:${vm}`,
    });
  if (link.tap === null || link.tap.multiQueue)
    throw linkForeign({ link: name, why: 'it is no tap with a single queue' });
  if (link.carrier) throw tapBusy({ tap: name });
}

function opened(name: string, make: boolean): OpenTap {
  const tap = openTap(name, make);
  if (typeof tap === 'object') return tap;
  // Made by somebody since we looked.
  if (make && tap === errno.busy) throw linkForeign({ link: name, why: 'it was there already' });
  if (tap === errno.busy) throw tapBusy({ tap: name });
  throw failed(`making the tap ${name}`, tap);
}

/** A new tap with the VM's mark, in the group that the rules close; gone with its descriptor until it is persistent. */
export function openMarked(route: Route, name: string, vm: Wish['vm']): OpenTap {
  const tap = opened(name, true);
  try {
    const mark = { alias: aliasOf(vm), group: tapGroup };
    route.change(`marking the tap ${name}`, [changeLink(name, mark)]);
    return tap;
  } catch (error) {
    closeTap(tap);
    throw error;
  }
}

/** What puts a port, which is down yet, into its VLAN and into no other. @throws tapNotReady */
export function intoVlan(
  route: Route,
  { name, vlan, bridge }: { name: string; vlan: number | undefined; bridge: Link },
): readonly Request[] {
  if (vlan === undefined) return [];
  if (bridge.bridge?.filtersVlans !== true)
    throw tapNotReady({
      tap: name,
      why: `${bridge.name} keeps no VLANs apart, and it is to be in VLAN ${vlan}`,
    });
  const index = route.link(name)?.index;
  if (index === undefined) throw tapNotReady({ tap: name, why: 'it is gone' });
  const first = bridge.bridge.defaultVlan;
  const dropped = first === 0 || first === vlan ? [] : [dropVlan({ index, vlan: first })];
  return [...dropped, addAccess({ index, vlan })];
}

/** What makes a port of a tap that nobody has open. */
function intoBridge(route: Route, { name, vlan, mtu, isolated }: Wish, bridge: Link): readonly Request[] {
  return [
    changeLink(name, { mtu, group: tapGroup, master: bridge.index }),
    isolatePort(name, isolated),
    ...intoVlan(route, { name, vlan, bridge }),
    changeLink(name, { up: true }),
  ];
}

/**
 * Makes a tap and puts it into its bridge, or takes up one that this VM has already. One synchronous stretch: other
 * work of the daemon never sees it half done. It is closed while it is still down: closing one that is up costs a
 * grace period of the kernel's.
 * @throws linkForeign, tapBusy, tapNotReady, bridgeFull, systemCallFailed
 */
export const createTap = effect('tap.create', (wish: Wish & { route: Route }) => {
  const { route, name, vm, bridge, vlan } = wish;
  const [there = null, master = null] = route.linksNamed([name, bridge]);
  if (there) mustBeOurs(there, wish);
  if (!master) throw tapNotReady({ tap: name, why: `there is no bridge ${bridge}` });
  const vlans = there && vlan !== undefined ? route.vlans(there.index) : [];
  if (there && tapProblems(wish, { link: there, bridge: master, vlans }).length === 0) return;
  const tap = there ? opened(name, false) : openMarked(route, name, vm);
  try {
    persist(tap, true);
  } finally {
    closeTap(tap);
  }
  try {
    route.withoutLinkLocal(name);
    join(route, wish, master);
  } catch (error) {
    if (!there) unmake(name);
    throw error;
  }
});

/** @throws bridgeFull, systemCallFailed */
function join(route: Route, wish: Wish, bridge: Link): void {
  const full = route.refused(`setting up the tap ${wish.name}`, intoBridge(route, wish, bridge), errno.full);
  if (full) throw bridgeFull({ bridge: wish.bridge });
}

/** Takes back a tap that nobody has had. */
function unmake(name: string): void {
  const tap = openTap(name, false);
  if (typeof tap !== 'object') return;
  persist(tap, false);
  closeTap(tap);
}

/**
 * Makes many taps as {@link createTap} makes one, with few messages to the kernel. Those that can't be made here are left
 * alone, or as far as they came, to be made or refused by themselves. Returns the names of those that were. One
 * synchronous stretch.
 */
export const createTaps = effect(
  'taps.create',
  ({ route, wishes }: { readonly route: Route; readonly wishes: readonly Wish[] }): readonly string[] => {
    const seen = route.linksNamed([...wishes.map(({ name }) => name), ...wishes.map(({ bridge }) => bridge)]);
    const fresh = wishes.flatMap((wish, n) => {
      const bridge = seen[wishes.length + n];
      if (seen[n] || !bridge) return [];
      const tap = openTap(wish.name, true);
      return typeof tap === 'object' ? [{ wish, bridge, tap }] : [];
    });
    try {
      const what = 'marking taps';
      route.change(
        what,
        fresh.map(({ wish: { name, vm } }) => changeLink(name, { alias: aliasOf(vm), group: tapGroup })),
      );
      for (const { tap } of fresh) persist(tap, true);
    } finally {
      for (const { tap } of fresh) closeTap(tap);
    }
    for (const { wish } of fresh) route.withoutLinkLocal(wish.name);
    route.change(
      'setting up taps',
      fresh.flatMap(({ wish, bridge }) => intoBridge(route, wish, bridge)),
    );
    return fresh.map(({ wish }) => wish.name);
  },
);

interface Removal extends Pick<Wish, 'vm'> {
  readonly name: string;
  readonly route: Route;
  readonly remover: LinkRemover;
}

/** Removes a VM's tap, if it is there and the VM's. */
export const removeTap = effect('tap.remove', async ({ route, remover, name, vm }: Removal) => {
  const link = route.link(name);
  if (link && vmOfAlias(link.alias) === vm) await remover.remove(link.index);
});
