import { networkInvalid } from '../../daemon/api/errors/network.js';
import { LinkName, NetworkName, type Mac } from '../../daemon/api/shapes/ids.js';
import type { ThawError } from '../../daemon/api/thaw-error.js';
import type { FabricConfig, NetworkConfig } from './config.js';
import {
  formatAddress,
  inside,
  overlap,
  parseAddress,
  parseRange,
  parseSubnet,
  rangeOf,
  type Range,
  type Subnet,
} from './ipv4.js';
import { formatSubnet6 } from './ipv6.js';
import { overlapping, type HostLinks } from './host/bridges.js';
import { bridgeAlias, macFrom, vlanBridgeAlias } from './names.js';
import { resolveSix, type Six } from './six.js';

/** A network, all defaults decided. */
export interface Network {
  readonly name: NetworkName;
  readonly bridge: LinkName;
  readonly bridgeMac: Mac;
  /** What the bridge carries where it is ours. */
  readonly alias: string;
  /** The VLAN of the bridge that it is; null for all of a bridge that has none. */
  readonly vlan: number | null;
  /** The link by which the host itself is in it: the bridge, or the host's own link in the VLAN. */
  readonly hostLink: LinkName;
  readonly existing: boolean;
  readonly subnet: Subnet;
  readonly gateway: number;
  /** IPv6 beside it; null where there is none. */
  readonly six: Six | null;
  readonly nat: boolean;
  readonly mtu: number;
  readonly dns: readonly string[];
  readonly isolate: boolean;
  /** Sorted; the gateway, the network's own and the broadcast address included. */
  readonly reserved: readonly Range[];
  readonly hostAccess: readonly string[];
}

/** The IPv6 address that goes with an IPv4 address of a network; null where it has no IPv6. Pure. */
export function twinOf({ subnet, six }: Pick<Network, 'subnet' | 'six'>, address: number): bigint | null {
  return six && six.subnet.base + BigInt(address - subnet.base);
}

function resolveOne(name: NetworkName, config: NetworkConfig, hostDns: readonly string[]): Network {
  const refuse = (why: string) => networkInvalid({ network: name, why });
  const subnet = parseSubnet(config.subnet);
  if (!subnet) throw refuse(`${config.subnet} is no subnet`);
  const { first, last } = rangeOf(subnet);
  const gateway = config.gateway === undefined ? first + 1 : parseAddress(config.gateway);
  if (gateway === null || !inside(gateway, { first: first + 1, last: last - 1 }))
    throw refuse(`the gateway ${config.gateway ?? ''} is no host's address in ${config.subnet}`);
  const reserved = config.reserved.map((text) => {
    const range = parseRange(text);
    if (!range || !overlap(range, { first, last })) throw refuse(`${text} is not in ${config.subnet}`);
    return range;
  });
  const six = resolveSix(config, gateway - first, refuse);
  // The one that would go with the gateway's IPv6 address.
  const gateway6Place = six ? six.gateway - six.subnet.base : 0n;
  const twin = gateway6Place <= BigInt(last - first) ? first + Number(gateway6Place) : first;
  return {
    name,
    bridge: config.bridge,
    vlan: config.vlan ?? null,
    hostLink: hostLink(config, refuse),
    // The subnet is part of it so that two hosts' bridges differ wherever their networks do.
    bridgeMac: macFrom(`bridge\0${config.bridge}\0${config.subnet}`),
    alias: config.vlan === undefined ? bridgeAlias(name) : vlanBridgeAlias(config.bridge),
    existing: config.existing,
    subnet,
    gateway,
    six,
    nat: config.nat ?? !config.existing,
    mtu: config.mtu,
    dns: config.dns ?? hostDns,
    isolate: config.isolate,
    reserved: [
      ...reserved,
      ...[first, gateway, twin, last].map((address) => ({ first: address, last: address })),
    ].sort((a, b) => a.first - b.first),
    hostAccess: config.hostAccess,
  };
}

/** How the host's own link in a network is called: as everybody calls those in VLANs. */
function hostLink({ bridge, vlan }: NetworkConfig, refuse: (why: string) => ThawError): LinkName {
  if (vlan === undefined) return bridge;
  const name = LinkName.safeParse(`${bridge}.${vlan}`);
  if (!name.success) throw refuse(`the name of its bridge is too long for the link ${bridge}.${vlan}`);
  return name.data;
}

/** Two networks can share a bridge where VLANs keep them apart. @throws networkInvalid */
function assertApart(network: Network, other: Network): void {
  const { name, bridge, vlan } = network;
  const refuse = (why: string) => networkInvalid({ network: name, why });
  if (vlan === null || other.vlan === null)
    throw refuse(`its bridge ${bridge} is ${other.name}'s too: give each a vlan, or a bridge of its own`);
  if (vlan === other.vlan) throw refuse(`its VLAN ${vlan} of ${bridge} is ${other.name}'s too`);
  for (const key of ['existing', 'mtu'] as const)
    if (network[key] !== other[key])
      throw refuse(`its "${key}" differs from that of ${other.name}, with which it shares ${bridge}`);
}

/**
 * Decides defaults and refuses what can't work together: pure, so that it is known before anything is touched.
 * `hostDns`: resolvers told where a network names none.
 * @throws networkInvalid
 */
export function resolveNetworks(config: FabricConfig, hostDns: readonly string[]): readonly Network[] {
  const networks: Network[] = [];
  for (const [name, one] of Object.entries(config.networks)) {
    const network = resolveOne(NetworkName.parse(name), one, hostDns);
    for (const other of networks) {
      if (other.bridge === network.bridge) assertApart(network, other);
      if (network.six && other.six?.subnet.base === network.six.subnet.base)
        throw networkInvalid({
          network: name,
          why: `its subnet ${formatSubnet6(network.six.subnet)} is that of ${other.name} too`,
        });
      if (overlap(rangeOf(other.subnet), rangeOf(network.subnet)))
        throw networkInvalid({
          network: name,
          why: `its subnet ${one.subnet} overlaps that of ${other.name}, which begins at ${formatAddress(other.subnet.base)}`,
        });
    }
    // A bridge has one MAC, whoever shares it.
    const shared = networks.find(({ bridge }) => bridge === network.bridge);
    networks.push(shared ? { ...network, bridgeMac: shared.bridgeMac } : network);
  }
  return networks;
}

/** Those of the host's resolvers that a guest can reach: no loopback, IPv4. */
export function usableResolvers(resolvers: readonly string[]): readonly string[] {
  return resolvers.filter((text) => parseAddress(text) !== null && !text.startsWith('127.')).slice(0, 3);
}

/**
 * Refuses a subnet that the host is in by another link, before its bridge is made: packets would go the wrong way. Once
 * it is made (VMs may live there), `network.check` tells.
 * @throws networkInvalid
 */
export function mustBeFree(networks: readonly Network[], seen: HostLinks): void {
  for (const network of networks) {
    if (network.existing || seen.links.some(({ name }) => name === network.hostLink)) continue;
    const other = overlapping(network, seen);
    if (other !== null)
      throw networkInvalid({ network: network.name, why: `its subnet overlaps that of the link ${other}` });
  }
}
