import { z } from 'zod';
import { LinkName, NetworkName } from '../../daemon/api/shapes/ids.js';
import { CniConfig } from './cni/config.js';
import { parseAddress, parseRange, parseSubnet } from './ipv4.js';
import { parseAddress6, parseSubnet6 } from './ipv6.js';

const Address = z.string().refine((text) => parseAddress(text) !== null, 'an IPv4 address, e.g. 10.88.0.1');
const Cidr = z
  .string()
  .refine((text) => parseSubnet(text) !== null, 'an IPv4 subnet in CIDR notation, e.g. 10.88.0.0/16')
  .refine((text) => (parseSubnet(text)?.prefix ?? 0) <= 30, 'a /30 at least: gateway and one VM');
const Address6 = z
  .string()
  .refine((text) => parseAddress6(text) !== null, 'an IPv6 address, e.g. fd00:209::1');
const Cidr6 = z
  .string()
  .refine((text) => parseSubnet6(text) !== null, 'a /64 of IPv6 in CIDR notation, e.g. fd00:209::/64');
const AddressRange = z
  .string()
  .refine(
    (text) => parseRange(text) !== null,
    'an address, a range such as 10.88.0.2-10.88.0.9, or a subnet',
  );
const HostService = z
  .string()
  .refine(
    (text) => /^(?:tcp|udp)\/[1-9]\d{0,4}$/.test(text) && Number(text.slice(4)) <= 65535,
    'tcp/PORT or udp/PORT',
  );

export const NetworkConfig = z.strictObject({
  /** The bridge; made and marked as ours at the daemon's start unless it is `existing`. */
  bridge: LinkName.refine((name) => !name.includes('"'), 'a name without quotes'),
  /** Use a bridge that somebody else made and keeps: never configured, never removed. */
  existing: z.boolean().default(false),
  /**
   * The VLAN of the bridge, which then filters by VLANs, that VMs are in: untagged at their own ports, tagged where the
   * bridge's owner says so. Several networks may share a bridge, each with another one.
   */
  vlan: z.int().min(1).max(4094).optional(),
  subnet: Cidr,
  /** Where VMs send what leaves the subnet; the bridge's own address unless it is `existing`. */
  gateway: Address.optional(),
  /** IPv6 beside IPv4: a VM's address has the same place in it as its IPv4 address has in `subnet`. */
  subnet6: Cidr6.optional(),
  /** Default: the same place in `subnet6` as the IPv4 gateway has in `subnet`. */
  gateway6: Address6.optional(),
  /** Masquerade what leaves the subnet, and let in only answers. Default: true, false for an existing bridge. */
  nat: z.boolean().optional(),
  /** Bytes; guests are told. */
  mtu: z.int().min(68).max(65535).default(1500),
  /** Resolvers told to guests. Default: the host's own, where a guest can reach them. */
  dns: z
    .array(z.union([Address, Address6]))
    .max(3)
    .optional(),
  /** VMs can't reach each other. */
  isolate: z.boolean().default(true),
  /** Addresses never leased. */
  reserved: z.array(AddressRange).max(256).default([]),
  /** What VMs may reach of the host itself, besides ping. */
  hostAccess: z.array(HostService).max(64).default([]),
});
export type NetworkConfig = z.output<typeof NetworkConfig>;

/** The fabric's configuration: networks by name. */
export const FabricConfig = z.strictObject({
  cni: CniConfig.prefault({}),
  netns: z
    .strictObject({
      /** Network namespaces made before a clone of the strategy netns needs one; more are made as they are asked for. */
      pool: z.int().min(0).max(1024).default(2),
    })
    .prefault({}),
  networks: z
    .record(NetworkName, NetworkConfig)
    .refine((networks) => Object.keys(networks).length > 0, 'at least one network')
    .prefault({ default: { bridge: 'thaw0', subnet: '10.209.0.0/16' } }),
});
export type FabricConfig = z.output<typeof FabricConfig>;
