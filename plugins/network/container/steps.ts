import { z } from 'zod';
import { LinkName, Mac, VmId } from '../../../daemon/api/shapes/ids.js';
import type { Grant, Step } from '../../contract.js';
import type { JointStep } from '../cni/steps.js';
import { Space, type NetnsStep } from '../netns/steps.js';
import type { FilterStep, LeaseStep } from '../steps.js';

/** A cable from a port of a network's bridge into a container's namespace, by which its processes reach one guest. */
export const CordStep = z.object({
  kind: z.literal('cord'),
  vm: VmId,
  nic: z.string(),
  /** The end in the bridge. */
  name: LinkName,
  bridge: LinkName,
  mac: Mac,
  mtu: z.int(),
  /** Of the end in the container, without prefix. */
  address: z.string(),
  /** The guest's, without prefix. */
  guest: z.string(),
  space: Space,
});
export type CordStep = Readonly<z.infer<typeof CordStep>>;

/** The interface of a container gives its addresses to the guest; its processes keep the loopback. */
export const VacateStep = z.object({
  kind: z.literal('vacate'),
  vm: VmId,
  nic: z.string(),
  /** The guest's tap beside it. */
  tap: LinkName,
  link: LinkName,
  addresses: z.array(z.string()),
  addresses6: z.array(z.string()),
  gateway: z.string().nullable(),
});
export type VacateStep = Readonly<z.infer<typeof VacateStep>>;

/** The number of a cable's end, beyond those of the guest's own NICs: names and leases follow from it. */
export const cordNic = 'eth999';

const v4 = (addresses: readonly string[]): string =>
  addresses.find((address) => !address.includes(':'))?.split('/')[0] ?? '';

/** The container's end as something that is leased and guarded like a NIC. */
export function cordGrant(grant: Grant): Grant | null {
  const { cord, cni, ports, ...rest } = grant;
  return cord ? { ...rest, nic: cordNic, tap: cord.tap, mac: cord.mac, addresses: cord.addresses } : null;
}

/** The steps of a grant's cable, if it has one: the guest first, so that its port is open before anybody can knock. Pure. */
export function cordSteps(grant: Grant): readonly Step[] {
  const end = cordGrant(grant);
  if (!end || !grant.cord) return [];
  const { vm, nic, network, mac, tap, bridge, mtu } = end;
  const addresses = [...end.addresses];
  const guest = v4(grant.addresses);
  const lease: LeaseStep = { kind: 'lease', vm, nic, network, mac, tap, addresses };
  const filter: FilterStep = {
    kind: 'filter',
    vm,
    nic,
    tap,
    mac,
    addresses,
    peer: { mac: grant.mac, address: guest },
  };
  const cord: CordStep = {
    ...{ kind: 'cord', vm, nic, name: tap, bridge, mac, mtu, space: grant.cord.space },
    ...{ address: v4(addresses), guest },
  };
  return [lease, filter, cord];
}

/** The steps of a grant in the place of a container's interface: into its namespace, clear the place, take it. Pure. */
export function takeoverSteps({ vm, nic, tap, mtu, takeover }: Grant): readonly Step[] {
  if (!takeover) return [];
  const { space, link } = takeover;
  const name = LinkName.parse(link.name);
  const netns: NetnsStep = { kind: 'netns', vm, of: space };
  const vacate: VacateStep = {
    ...{ kind: 'vacate', vm, nic, tap, link: name, gateway: link.gateway },
    ...{ addresses: [...link.addresses], addresses6: [...link.addresses6] },
  };
  const joint: JointStep = { kind: 'joint', vm, nic, tap, link: name, mtu };
  return [netns, vacate, joint];
}
