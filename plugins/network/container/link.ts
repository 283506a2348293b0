import { takeoverRefused } from '../../../daemon/api/errors/container.js';
import type { ContainerLink } from '../../contract.js';
import { formatAddress } from '../ipv4.js';
import { formatAddress6 } from '../ipv6.js';
import type { LinkAddress } from '../netlink/address.js';
import type { LinkAddress6 } from '../netlink/address6.js';
import type { Link } from '../netlink/link-info.js';

/** What there is in a container's namespace. */
export interface ContainerSight {
  readonly links: readonly Link[];
  readonly addresses: readonly LinkAddress[];
  readonly addresses6: readonly LinkAddress6[];
  readonly routes: readonly { readonly link: number; readonly gateway: number }[];
}

const linkLocal = (address: bigint): boolean => address >> 118n === 0x3fan;

/** The one interface with an address beside the loopback. Pure. @throws takeoverRefused */
export function theLink({ links, addresses, addresses6, routes }: ContainerSight): ContainerLink {
  const others = links.filter(
    ({ name, index }) => name !== 'lo' && addresses.some((address) => address.index === index),
  );
  const [link, ...more] = others;
  if (!link) throw takeoverRefused({ why: 'its network namespace has no interface with an IPv4 address' });
  if (more.length > 0)
    throw takeoverRefused({ why: `it has several: ${others.map(({ name }) => name).join(', ')}` });
  const route = routes.find((one) => one.link === link.index);
  const own = <A extends { readonly index: number }>(all: readonly A[]): readonly A[] =>
    all.filter(({ index }) => index === link.index);
  return {
    ...{ name: link.name, mac: link.mac, mtu: link.mtu },
    addresses: own(addresses).map(({ address, prefix }) => `${formatAddress(address)}/${prefix}`),
    addresses6: own(addresses6)
      .filter(({ address }) => !linkLocal(address))
      .map(({ address, prefix }) => `${formatAddress6(address)}/${prefix}`),
    gateway: route ? formatAddress(route.gateway) : null,
  };
}
