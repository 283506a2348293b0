import { z } from 'zod';
import { LinkName, Mac, NetworkName, VmId } from '../../daemon/api/shapes/ids.js';
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
});
export type FilterStep = Readonly<z.infer<typeof FilterStep>>;

/** The steps that make a grant real, in order. Pure: strategies plan with it. */
export function stepsFor(grant: Grant): readonly Step[] {
  const { vm, nic, network, mac, tap, bridge, mtu, isolated } = grant;
  const addresses = [...grant.addresses];
  const lease: LeaseStep = { kind: 'lease', vm, nic, network, mac, tap, addresses };
  const tapped: TapStep = { kind: 'tap', vm, nic, name: tap, bridge, mtu, isolated };
  const filter: FilterStep = { kind: 'filter', vm, nic, tap, mac, addresses };
  return [lease, tapped, filter];
}
