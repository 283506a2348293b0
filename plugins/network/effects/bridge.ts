import { linkForeign } from '../../../daemon/api/errors/network.js';
import { effect } from '../../contract.js';
import { bridgeAlias, tapGroup } from '../names.js';
import { addAddress } from '../netlink/address.js';
import type { Link } from '../netlink/link-info.js';
import { changeLink, newBridge } from '../netlink/link-requests.js';
import { joinItself, newVlanLink } from '../netlink/vlan-requests.js';
import type { Network } from '../networks.js';
import { deleteLinks, type Route } from './route.js';

interface Want {
  readonly route: Route;
  readonly network: Network;
}

const foreign = (link: string, why: string) => linkForeign({ link, why });

/** What somebody else made and keeps, as it has to be. @throws linkForeign */
function useExisting(network: Network, there: Link | null): void {
  const { bridge, vlan } = network;
  if (!there) throw foreign(bridge, 'it is to be an existing bridge, and there is none');
  if (vlan !== null && there.bridge?.filtersVlans !== true)
    throw foreign(
      bridge,
      `${network.name} is to be its VLAN ${vlan}, and it keeps none apart (ip link set ${bridge} type bridge vlan_filtering 1)`,
    );
}

function makeBridge(route: Route, network: Network): void {
  const { bridge, bridgeMac, vlan } = network;
  // In one message, so that nobody ever sees it without its mark.
  route.change(
    vlan === null
      ? `making the bridge ${bridge}`
      : `making the bridge ${bridge} with VLANs, which take CONFIG_BRIDGE_VLAN_FILTERING`,
    [newBridge(bridge, bridgeMac, vlan !== null), changeLink(bridge, { alias: network.alias })],
  );
}

/** The host's own link in a network's VLAN: made where it is missing. Returns what it had to do. @throws linkForeign */
function openVlanLink(route: Route, network: Network, bridge: Link): readonly string[] {
  const { vlan, hostLink, mtu, name } = network;
  if (vlan === null) return [];
  const there = route.link(hostLink);
  if (there && (there.vlan?.id !== vlan || there.vlan.of !== bridge.index))
    throw foreign(hostLink, `it is not the link in VLAN ${vlan} of ${network.bridge}`);
  if (there && there.alias !== bridgeAlias(name))
    throw foreign(hostLink, `its alias is ${JSON.stringify(there.alias ?? '')}, not ${bridgeAlias(name)}`);
  if (!there)
    route.change(`making the link ${hostLink}, which takes the kernel module 8021q`, [
      newVlanLink(hostLink, { index: bridge.index, vlan }),
      changeLink(hostLink, { alias: bridgeAlias(name) }),
    ]);
  route.change(`putting ${network.bridge} into its VLAN ${vlan}`, [
    joinItself({ index: bridge.index, vlan }),
  ]);
  if (there?.up === true && there.mtu === mtu) return [];
  route.withoutLinkLocal(hostLink);
  route.change(`setting up the link ${hostLink}`, [changeLink(hostLink, { mtu, up: true })]);
  return [there ? `set-up of ${hostLink}` : `link ${hostLink}`];
}

/**
 * Makes a network's bridge, or takes up the one that is there, ports and all. Returns what it had to do; empty where
 * all was well.
 * @throws linkForeign where the name is another's, or an existing one can't be what it is to be
 */
export const openBridge = effect('bridge.open', ({ route, network }: Want): readonly string[] => {
  const { bridge, bridgeMac, alias, mtu, gateway, subnet, hostLink, vlan } = network;
  const there = route.link(bridge);
  if (there && there.kind !== 'bridge') throw foreign(bridge, 'it is no bridge');
  if (network.existing) {
    useExisting(network, there);
    return [];
  }
  if (there && there.alias !== alias)
    throw foreign(bridge, `its alias is ${JSON.stringify(there.alias ?? '')}, not ${alias}`);
  if (!there) makeBridge(route, network);
  const did = there ? [] : [`bridge ${bridge}`];
  const link = route.link(bridge);
  if (!link) throw foreign(bridge, 'somebody removed it at once');
  if (vlan !== null && link.bridge?.filtersVlans !== true)
    throw foreign(bridge, there ? 'it keeps no VLANs apart any more' : 'this kernel’s bridges know no VLANs');
  if (!link.up || link.mtu !== mtu || link.mac !== bridgeMac) {
    route.withoutLinkLocal(bridge);
    route.change(`setting up the bridge ${bridge}`, [changeLink(bridge, { mac: bridgeMac, mtu, up: true })]);
    if (there) did.push(`set-up of ${bridge}`);
  }
  did.push(...openVlanLink(route, network, link));
  const own = route.link(hostLink);
  if (!own) throw foreign(hostLink, 'somebody removed it at once');
  const has = route
    .addresses()
    .some((one) => one.index === own.index && one.address === gateway && one.prefix === subnet.prefix);
  if (!has) {
    const address = { index: own.index, address: gateway, prefix: subnet.prefix };
    route.change(`giving ${hostLink} its address`, [addAddress(address)]);
    if (there) did.push(`address of ${hostLink}`);
  }
  return did;
});

/** Removes a network's bridge, if it is there, ours and empty. Returns whether a VM, or anything in ours, uses it. */
export const removeBridge = effect('bridge.remove', async ({ route, network }: Want) => {
  const link = route.link(network.bridge);
  if (!link) return false;
  const used = route
    .links()
    .some(({ master, group }) => master === link.index && (!network.existing || group === tapGroup));
  if (!used && !network.existing && link.alias === network.alias) await deleteLinks([link.index]);
  return used;
});
