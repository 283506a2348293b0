import { linkForeign } from '../../../daemon/api/errors/network.js';
import { effect } from '../../contract.js';
import { bridgeAlias, tapGroup } from '../names.js';
import { addAddress } from '../netlink/address.js';
import { changeLink, newBridge } from '../netlink/link-requests.js';
import type { Network } from '../networks.js';
import { deleteLinks, type Route } from './route.js';

interface Want {
  readonly route: Route;
  readonly network: Network;
}

/**
 * Makes a network's bridge, or takes up the one that is there, ports and all. Returns what it had to do; empty where
 * all was well.
 * @throws linkForeign where the name is another's
 */
export const openBridge = effect('bridge.open', ({ route, network }: Want): readonly string[] => {
  const { bridge, bridgeMac, name, mtu, gateway, subnet } = network;
  const alias = bridgeAlias(name);
  const there = route.link(bridge);
  if (there && there.kind !== 'bridge') throw linkForeign({ link: bridge, why: 'it is no bridge' });
  if (network.existing) {
    if (!there) throw linkForeign({ link: bridge, why: 'it is to be an existing bridge, and there is none' });
    return [];
  }
  if (there && there.alias !== alias)
    throw linkForeign({
      link: bridge,
      why: `its alias is ${JSON.stringify(there.alias ?? '')}, not ${alias}`,
    });
  // In one message, so that nobody ever sees it without its mark.
  if (!there)
    route.change(`making the bridge ${bridge}`, [
      newBridge(bridge, bridgeMac),
      changeLink(bridge, { alias }),
    ]);
  const did = there ? [] : [`bridge ${bridge}`];
  const link = route.link(bridge);
  if (!link) throw linkForeign({ link: bridge, why: 'somebody removed it at once' });
  if (!link.up || link.mtu !== mtu || link.mac !== bridgeMac) {
    route.withoutLinkLocal(bridge);
    route.change(`setting up the bridge ${bridge}`, [changeLink(bridge, { mac: bridgeMac, mtu, up: true })]);
    if (there) did.push(`set-up of ${bridge}`);
  }
  const address = { index: link.index, address: gateway, prefix: subnet.prefix };
  const has = route
    .addresses()
    .some((one) => one.index === link.index && one.address === gateway && one.prefix === subnet.prefix);
  if (!has) {
    route.change(`giving ${bridge} its address`, [addAddress(address)]);
    if (there) did.push(`address of ${bridge}`);
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
  if (!used && !network.existing && link.alias === bridgeAlias(network.name)) await deleteLinks([link.index]);
  return used;
});
