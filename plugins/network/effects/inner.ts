import { translationUnsupported } from '../../../daemon/api/errors/namespaces.js';
import { linkForeign, tapNotReady } from '../../../daemon/api/errors/network.js';
import { effect, look, type ContainerSpace } from '../../contract.js';
import { tapGroup, vmOfAlias, aliasOf } from '../names.js';
import { transaction } from '../netlink/elements.js';
import type { Link } from '../netlink/link-info.js';
import { changeLink, isolatePort, newVeth } from '../netlink/link-requests.js';
import { getTable } from '../netlink/nft-rules.js';
import type { Namespaces } from '../netns/namespaces.js';
import { routing, routing6 } from '../netns/routing.js';
import type { InnerStep, UplinkStep } from '../netns/steps.js';
import { tablesOf, translation } from '../netns/translation.js';
import { errno, failed } from './libc.js';
import type { Namespace } from './namespace.js';
import type { Route } from './route.js';
import { ensureTapInside } from './tap-inside.js';
import { intoVlan } from './tap.js';

/** A VM and whose network namespace it gets: that of a container, or else one of its own. */
interface Given {
  readonly namespaces: Namespaces;
  readonly vm: string;
  readonly plain: boolean;
  readonly of?: ContainerSpace | undefined;
}

/** Gives a VM a network namespace. @throws namespaceLimit, namespaceGone, systemCallFailed */
export const giveNamespace = effect('netns.give', ({ namespaces, vm, plain, of }: Given) => {
  if (of) namespaces.share(vm, of);
  else namespaces.give(vm, plain);
});

/** Lets go of a VM's network namespace: with its VMM it is gone, and all that is in it. */
export const dropNamespace = effect(
  'netns.drop',
  ({ namespaces, vm }: { namespaces: Namespaces; vm: string }) => {
    namespaces.drop(vm);
  },
);

interface Laid {
  readonly route: Route;
  readonly namespace: Namespace;
}

/**
 * Lays a cable from a bridge into a VM's namespace, or takes up the one that is there. The end in the bridge is a port
 * like a tap: marked, in the group that the rules close. One synchronous stretch.
 * @throws linkForeign, tapNotReady, systemCallFailed
 */
export const layUplink = effect('uplink.lay', ({ route, namespace, step }: Laid & { step: UplinkStep }) => {
  const { name, vm, bridge, vlan, peer, mac, mtu, isolated } = step;
  const master = route.link(bridge);
  if (!master) throw tapNotReady({ tap: name, why: `there is no bridge ${bridge}` });
  const there = route.link(name);
  if (there && (vmOfAlias(there.alias) !== vm || there.kind !== 'veth'))
    throw linkForeign({ link: name, why: `its alias is ${JSON.stringify(there.alias ?? '')}` });
  const what = `laying the cable ${name}`;
  // In one message, so that nobody ever sees it without its mark. Until a VMM lives in it, it goes with the namespace.
  if (!there)
    route.change(what, [
      newVeth({ name, group: tapGroup, mtu, peer: { name: peer, mac, namespaceFd: namespace.fd } }),
      changeLink(name, { alias: aliasOf(vm) }),
    ]);
  route.withoutLinkLocal(name);
  route.change(what, [
    changeLink(name, { mtu, group: tapGroup, master: master.index }),
    isolatePort(name, isolated),
    ...intoVlan(route, { name, vlan, bridge: master }),
    changeLink(name, { up: true }),
  ]);
  namespace.routing((inner) => {
    inner.withoutLinkLocal(peer);
    inner.change(what, [changeLink(peer, { up: true })]);
  });
});

/**
 * Makes in the namespace the tap that the snapshot has inside, and the way from it to the uplink.
 * @throws tapNotReady, translationUnsupported, systemCallFailed
 */
export const makeInner = effect(
  'inner.make',
  ({ namespace, step }: { namespace: Namespace; step: InnerStep }) => {
    const { tap: name, uplink, mtu, vm } = step;
    namespace.routing((route) => {
      ensureTapInside({ namespace, route, name, vm });
      route.withoutLinkLocal(name);
      route.change(`setting up ${name}`, [changeLink(name, { mtu, up: true })]);
      if (step.subnet6 !== undefined) for (const link of [name, uplink]) namespace.allowIpv6(link);
      const [tap, out] = [route.link(name), route.link(uplink)];
      if (!tap || !out) throw tapNotReady({ tap: name, why: 'somebody removes links in its namespace' });
      const links = { tap: tap.index, uplink: out.index, uplinkMac: out.mac };
      route.change(`routing for ${name}`, [...routing(step, links), ...routing6(step, links)]);
    });
    namespace.filtering((socket) => {
      for (const { code, words } of socket.ask(transaction(translation(step)))) {
        // An expression that the kernel does not have: all else that it names is made in the same transaction.
        if (code === errno.noEntry) throw translationUnsupported({ vm });
        if (code < 0)
          throw failed(`translating addresses for ${name}${words === '' ? '' : ` (${words})`}`, code);
      }
    });
  },
);

/** What there is of a NIC in a namespace. */
export interface InnerSight {
  readonly tap: Link | null;
  readonly uplink: Link | null;
  /** Tables that are gone. */
  readonly missing: readonly string[];
  /** Kernel parameters that somebody has changed. */
  readonly changed: readonly string[];
}

export const lookAtInner = look(
  'inner.look',
  ({ namespace, step }: { namespace: Namespace; step: InnerStep }): InnerSight => {
    const links = namespace.routing((route) => ({
      tap: route.link(step.tap),
      uplink: route.link(step.uplink),
    }));
    const missing = namespace.filtering((socket) =>
      tablesOf(step).filter((table) => socket.ask([getTable(table)])[0]?.code === errno.noEntry),
    );
    return {
      ...links,
      missing: missing.map(({ family, table }) => `${family} ${table}`),
      changed: namespace.unlikeRouter(),
    };
  },
);
