import { effect } from '../../contract.js';
import { linkLocalOf } from '../ipv6.js';
import { addAddress6 } from '../netlink/address6.js';
import type { Network } from '../networks.js';
import type { Route } from './route.js';

/**
 * Gives the host's link in a network, which is there, the IPv6 addresses that it lacks: its own, and the link-local one by which
 * the host looks whether a guest is still there. Returns whether it had to.
 */
export const openBridge6 = effect(
  'bridge.open6',
  ({ route, network }: { readonly route: Route; readonly network: Network }): boolean => {
    const index = route.link(network.hostLink)?.index;
    if (!network.six || index === undefined) return false;
    const { subnet, gateway } = network.six;
    const there = route.addresses6().filter((one) => one.index === index);
    const lacking = [gateway, linkLocalOf(network.bridgeMac)]
      .filter((address) => !there.some((one) => one.address === address))
      .map((address) => ({ index, address, prefix: subnet.prefix }));
    if (lacking.length === 0) return false;
    route.change(`giving ${network.hostLink} its IPv6 addresses`, lacking.map(addAddress6));
    return true;
  },
);
