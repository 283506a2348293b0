import { z } from 'zod';
import { LinkName, Mac, NetworkName, VmId } from '../../daemon/api/shapes/ids.js';
import { PortForward } from '../../daemon/api/shapes/port.js';
import { cniSteps, type JointStep } from './cni/steps.js';
import { cordSteps, takeoverSteps } from './container/steps.js';
import type { UplinkStep } from './netns/steps.js';
import type { Grant, Step } from '../contract.js';

/** An address and a MAC that are a NIC's for as long as its VM has it. */
export const LeaseStep = z.object({
  kind: z.literal('lease'),
  vm: VmId,
  nic: z.string(),
  network: NetworkName,
  mac: Mac,
  /** The name that its tap has or will have; only records of an older daemon lack it. */
  tap: LinkName.optional(),
  /** With prefix length. */
  addresses: z.array(z.string()),
});
export type LeaseStep = Readonly<z.infer<typeof LeaseStep>>;

/** A tap in a bridge. */
export const TapStep = z.object({
  kind: z.literal('tap'),
  vm: VmId,
  /** Only records of an older daemon lack it. */
  nic: z.string().optional(),
  name: LinkName,
  bridge: LinkName,
  /** Of the bridge; left out where it has none. */
  vlan: z.int().optional(),
  mtu: z.int(),
  /** Can't reach other isolated ports of its bridge. */
  isolated: z.boolean(),
});
export type TapStep = Readonly<z.infer<typeof TapStep>>;

/** What may come out of a tap; nothing may before this step has run. */
export const FilterStep = z.object({
  kind: z.literal('filter'),
  vm: VmId,
  /** Only records of an older daemon lack it. */
  nic: z.string().optional(),
  tap: LinkName,
  mac: Mac,
  /** With prefix length. */
  addresses: z.array(z.string()),
  /** The only one that may be sent to, beside ARP's broadcasts: for a container's cable. Left out for all. */
  peer: z.object({ mac: Mac, address: z.string() }).optional(),
});
export type FilterStep = Readonly<z.infer<typeof FilterStep>>;

/** Ports of the host that lead to a NIC. */
export const PortsStep = z.object({
  kind: z.literal('ports'),
  vm: VmId,
  nic: z.string(),
  /** The NIC's IPv4 address, without prefix. */
  to: z.string(),
  ports: z.array(PortForward).readonly(),
});
export type PortsStep = Readonly<z.infer<typeof PortsStep>>;

/** The step that leads a grant's ports to it; none where it has none. Pure. */
export function portSteps({ vm, nic, addresses, ports = [] }: Grant): readonly PortsStep[] {
  const to = addresses.find((address) => !address.includes(':'))?.split('/')[0];
  return ports.length === 0 || to === undefined ? [] : [{ kind: 'ports', vm, nic, to, ports: [...ports] }];
}

/** How the end of an added NIC's cable is called in the namespace, beside a tap of the name of its other end. */
const addedPeer = (tap: LinkName): LinkName => LinkName.parse(tap.replace(/^th/, 'tp'));

/** The steps that make a grant real, in order. Pure: strategies plan with it. */
export function stepsFor(grant: Grant): readonly Step[] {
  if (grant.takeover) return takeoverSteps(grant);
  if (grant.cni) return cniSteps(grant);
  const { vm, nic, network, mac, tap, bridge, vlan, mtu, isolated } = grant;
  const addresses = [...grant.addresses];
  const lease: LeaseStep = { kind: 'lease', vm, nic, network, mac, tap, addresses };
  const tapped: TapStep = {
    ...{ kind: 'tap', vm, nic, name: tap, bridge, mtu, isolated },
    ...(vlan !== undefined && { vlan }),
  };
  const filter: FilterStep = { kind: 'filter', vm, nic, tap, mac, addresses };
  if (grant.added) {
    const peer = addedPeer(tap);
    const uplink: UplinkStep = {
      ...{ kind: 'uplink', vm, nic, name: tap, bridge, peer, mac, mtu, isolated },
      ...(vlan !== undefined && { vlan }),
    };
    const joint: JointStep = { kind: 'joint', vm, nic, tap, link: peer, mtu, added: true };
    return [lease, uplink, filter, joint, ...portSteps(grant)];
  }
  return [lease, tapped, filter, ...portSteps(grant), ...cordSteps(grant)];
}
