import { z } from 'zod';
import { LinkName, Mac, NetworkName, VmId } from '../../../daemon/api/shapes/ids.js';

/** A container's network namespace, and a process in it. */
export const Space = z.object({ pid: z.int(), netns: z.string() });

/** A network namespace for the VM. It lives for as long as its VMM or the daemon holds it; nothing is mounted. */
export const NetnsStep = z.object({
  kind: z.literal('netns'),
  vm: VmId,
  /** As the kernel makes it: for plugins that lay out the rest. Else it routes. */
  plain: z.literal(true).optional(),
  /** That of a container, in place of one of the VM's own. */
  of: Space.optional(),
});
export type NetnsStep = Readonly<z.infer<typeof NetnsStep>>;

/** A cable from a port of a network's bridge into the VM's namespace. */
export const UplinkStep = z.object({
  kind: z.literal('uplink'),
  vm: VmId,
  nic: z.string(),
  /** The end in the bridge. */
  name: LinkName,
  bridge: LinkName,
  /** Of the bridge; left out where it has none. */
  vlan: z.int().optional(),
  /** The end in the namespace. */
  peer: LinkName,
  /** Of the end in the namespace: what the network knows the VM by. */
  mac: Mac,
  mtu: z.int(),
  /** Can't reach other isolated ports of its bridge. */
  isolated: z.boolean(),
});
export type UplinkStep = Readonly<z.infer<typeof UplinkStep>>;

/** One address of the guest's and the one that the network knows it by, of one family, both without prefix. */
const Pair = z.object({ inner: z.string(), outer: z.string() });
export type Pair = Readonly<z.infer<typeof Pair>>;

/** The tap that the snapshot has inside, in the VM's namespace, and the way from there to the uplink. */
export const InnerStep = z.object({
  kind: z.literal('inner'),
  vm: VmId,
  nic: z.string(),
  network: NetworkName,
  tap: LinkName,
  /** The guest's own. */
  mac: Mac,
  mtu: z.int(),
  /** The uplink's end in the namespace. */
  uplink: LinkName,
  pairs: z.array(Pair),
  /** What can be reached at the uplink directly. */
  subnet: z.string(),
  gateway: z.string().nullable(),
  /** The same of IPv6; left out where there is none between the guest and its network. */
  subnet6: z.string().optional(),
  gateway6: z.string().optional(),
  /** Tells the routing tables of several NICs apart. */
  index: z.int().min(0).max(999),
});
export type InnerStep = Readonly<z.infer<typeof InnerStep>>;
