import { LinkName } from '../../../daemon/api/shapes/ids.js';
import type { Network } from '../networks.js';
import type { Link } from '../netlink/link-info.js';

/** The host's own link in a network's VLAN, whatever it is called; undefined where it has none. Pure. */
function linkInVlan({ bridge, vlan }: Network, links: readonly Link[]): Link | undefined {
  const of = links.find(({ name }) => name === bridge)?.index;
  return links.find((link) => link.vlan !== null && link.vlan.of === of && link.vlan.id === vlan);
}

/**
 * Networks with the name that the host's own link has in each: an existing bridge's owner may have called the one in a
 * VLAN anything. Pure.
 */
export function withHostLinks(networks: readonly Network[], links: readonly Link[]): readonly Network[] {
  return networks.map((network) => {
    const found = network.existing && network.vlan !== null ? linkInVlan(network, links) : undefined;
    return found ? { ...network, hostLink: LinkName.parse(found.name) } : network;
  });
}

/** What is not as it should be with the VLAN of a network, each as a phrase. Pure. */
export function vlanProblems(network: Network, links: readonly Link[]): readonly string[] {
  const { bridge, vlan, hostLink, existing } = network;
  const there = links.find(({ name }) => name === bridge);
  if (vlan === null || !there) return [];
  if (there.bridge?.filtersVlans !== true)
    return [`it keeps no VLANs apart, and ${network.name} is to be its VLAN ${vlan}`];
  const own = linkInVlan(network, links);
  if (!own) return existing ? [] : [`the host’s link in its VLAN ${vlan}, ${hostLink}, is gone`];
  if (own.name !== hostLink)
    return [`the host’s link in its VLAN ${vlan} is ${own.name}, not ${hostLink}: thaw’s rules miss it`];
  return own.up || existing ? [] : [`${hostLink} is down`];
}
