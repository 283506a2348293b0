import type { Difference } from '../../contract.js';
import { formatAddress, formatSubnet, overlap, rangeOf, sizeOf } from '../ipv4.js';
import { formatAddress6, formatSubnet6, inside6 } from '../ipv6.js';
import { vlanProblems } from './vlans.js';
import type { Link } from '../netlink/link-info.js';
import type { LinkAddress } from '../netlink/address.js';
import type { LinkAddress6 } from '../netlink/address6.js';
import type { Network } from '../networks.js';

export interface HostLinks {
  readonly links: readonly Link[];
  readonly addresses: readonly LinkAddress[];
  readonly addresses6: readonly LinkAddress6[];
}

const subnetsOf = ({ subnet, six }: Network) =>
  `its subnet ${formatSubnet(subnet)}${six ? ` or ${formatSubnet6(six.subnet)}` : ''}`;

const restart = 'Restart thawd: it makes its bridges again; and find out what changes links on this host';

/** The other link, if any, whose addresses overlap a network's subnet, as `name (address)`. Pure. */
export function overlapping(network: Network, { links, addresses, addresses6 }: HostLinks): string | null {
  const subnet = rangeOf(network.subnet);
  for (const { index, address, prefix } of addresses) {
    const link = links.find((one) => one.index === index);
    if (!link || link.name === network.hostLink) continue;
    const base = address - (address % sizeOf(prefix));
    if (overlap(subnet, rangeOf({ base, prefix })))
      return `${link.name} (${formatAddress(address)}/${prefix})`;
  }
  for (const { index, address, prefix } of addresses6) {
    const link = links.find((one) => one.index === index);
    if (link && link.name !== network.hostLink && network.six && inside6(address, network.six.subnet))
      return `${link.name} (${formatAddress6(address)}/${prefix})`;
  }
  return null;
}

/** Whether a bridge of ours is not as we make it: gone, down, or without what makes it ours to use. Pure. */
export function bridgeLoss(network: Network, { links, addresses }: HostLinks): boolean {
  if (network.existing) return false;
  const link = links.find(({ name }) => name === network.bridge);
  if (!link) return true;
  const { gateway, subnet } = network;
  const own = links.find(({ name }) => name === network.hostLink);
  const has = addresses.some(
    (one) => one.index === own?.index && one.address === gateway && one.prefix === subnet.prefix,
  );
  // What is not ours can't be mended.
  if (link.kind !== 'bridge' || link.alias !== network.alias) return false;
  return !has || !own?.up || !link.up || link.mac !== network.bridgeMac || link.mtu !== network.mtu;
}

/** What is not as it should be with one network's bridge. Pure. */
export function bridgeDifferences(network: Network, seen: HostLinks): readonly Difference[] {
  const what = `bridge ${network.bridge}`;
  const link = seen.links.find(({ name }) => name === network.bridge);
  if (!link) return [{ what, problem: 'it is gone', remedy: restart }];
  const own = seen.links.find(({ name }) => name === network.hostLink);
  const problems: string[] = [];
  if (link.kind !== 'bridge') problems.push('it is no bridge');
  if (!link.up) problems.push('it is down');
  problems.push(...vlanProblems(network, seen.links));
  if (!network.existing) {
    if (link.alias !== network.alias) problems.push('it is not thaw’s');
    if (link.mac !== network.bridgeMac) problems.push(`its MAC is ${link.mac}, not ${network.bridgeMac}`);
    if (link.mtu !== network.mtu) problems.push(`its MTU is ${link.mtu}, not ${network.mtu}`);
    if (link.bridge?.stp === true) problems.push('spanning tree is on');
    const has = seen.addresses.some(
      (one) =>
        one.index === own?.index && one.address === network.gateway && one.prefix === network.subnet.prefix,
    );
    const { six } = network;
    const has6 = seen.addresses6.some((one) => one.index === own?.index && one.address === six?.gateway);
    if (six && !has6) problems.push(`it lacks its IPv6 address ${formatAddress6(six.gateway)}`);
    if (!has)
      problems.push(
        `it lacks its address ${formatAddress(network.gateway)}/${network.subnet.prefix}: a network manager may have taken it over`,
      );
  }
  const other = overlapping(network, seen);
  return [
    ...problems.map((problem) => ({ what, problem, remedy: restart })),
    ...(other === null || network.existing
      ? []
      : [
          {
            what,
            problem: `${subnetsOf(network)} overlaps that of ${other}`,
            remedy: `Give the network ${network.name} another subnet in the configuration`,
          },
        ]),
  ];
}
