import { z } from 'zod';
import { LinkName, NetworkName, VmId } from '../../../daemon/api/shapes/ids.js';
import type { Grant, Step } from '../../contract.js';
import type { NetnsStep } from '../netns/steps.js';

const PortMapping = z.object({
  hostPort: z.int(),
  containerPort: z.int(),
  protocol: z.string(),
  hostIP: z.string().optional(),
});

/** What plugins are told of this attachment alone, where their configuration says that they take it. */
export const Runtime = z.object({
  mac: z.string().optional(),
  ips: z.array(z.string()).optional(),
  portMappings: z.array(PortMapping).optional(),
});
export type Runtime = z.infer<typeof Runtime>;

/** An interface that the plugins of a network make in the VM's namespace. */
export const CniStep = z.object({
  kind: z.literal('cni'),
  vm: VmId,
  nic: z.string(),
  network: NetworkName,
  link: LinkName,
  runtime: Runtime,
});
export type CniStep = Readonly<z.infer<typeof CniStep>>;

/** A tap in the VM's namespace, joined to an interface there. */
export const JointStep = z.object({
  kind: z.literal('joint'),
  vm: VmId,
  nic: z.string(),
  tap: LinkName,
  link: LinkName,
  mtu: z.int(),
  /** To a VM that lived there already: taken back by itself, not with the namespace. */
  added: z.literal(true).optional(),
});
export type JointStep = Readonly<z.infer<typeof JointStep>>;

/** The steps by which the fabric learns what a grant of CNI's will be. Pure. */
export function earlySteps({ vm, nic, network, cni }: Grant): readonly Step[] {
  if (!cni) return [];
  const netns: NetnsStep = { kind: 'netns', vm, plain: true };
  const step: CniStep = {
    kind: 'cni',
    vm,
    nic,
    network,
    link: LinkName.parse(cni.link),
    runtime: cni.runtime,
  };
  return [netns, step];
}

/** All steps of a grant of CNI's. Pure. */
export function cniSteps(grant: Grant): readonly Step[] {
  const { vm, nic, tap, mtu, cni } = grant;
  if (!cni) return [];
  const joint: JointStep = { kind: 'joint', vm, nic, tap, link: LinkName.parse(cni.link), mtu };
  return [...earlySteps(grant), joint];
}
