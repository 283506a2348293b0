import type { ThawError } from '../../daemon/api/thaw-error.js';
import type { NetworkConfig } from './config.js';
import { inside6, parseAddress6, parseSubnet6, type Subnet6 } from './ipv6.js';

/** A network's IPv6. */
export interface Six {
  readonly subnet: Subnet6;
  readonly gateway: bigint;
}

/** The least MTU over which IPv6 works (RFC 8200, section 5). */
const leastMtu6 = 1280;

/** Decides a network's IPv6; `place`: the gateway's in the IPv4 subnet. @throws what `refuse` makes */
export function resolveSix(
  config: NetworkConfig,
  place: number,
  refuse: (why: string) => ThawError,
): Six | null {
  if (config.subnet6 === undefined) {
    if (config.gateway6 !== undefined) throw refuse('it has a gateway6, and no subnet6');
    return null;
  }
  const subnet = parseSubnet6(config.subnet6);
  if (!subnet) throw refuse(`${config.subnet6} is no /64`);
  if (config.mtu < leastMtu6) throw refuse(`IPv6 needs an MTU of ${leastMtu6} at least`);
  const gateway =
    config.gateway6 === undefined ? subnet.base + BigInt(place) : parseAddress6(config.gateway6);
  if (gateway === null || gateway === subnet.base || !inside6(gateway, subnet))
    throw refuse(`the gateway ${config.gateway6 ?? ''} is no host's address in ${config.subnet6}`);
  return { subnet, gateway };
}
