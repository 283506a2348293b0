import { z } from 'zod';
import { defineMethod } from './define.js';
import * as agent from './errors/agent.js';
import * as namespaces from './errors/namespaces.js';
import * as network from './errors/network.js';
import * as vm from './errors/vm.js';
import * as vmm from './errors/vmm.js';
import * as snapshot from './errors/snapshot.js';
import { Mac, NetworkName, SnapshotRef, VmRef } from './shapes/ids.js';
import { Attachment } from './shapes/vm.js';
import { NetworkChoice, NicWish, PassedOver, Strategy } from './snapshot.js';

/** One difference between what is and what should be. */
export const Finding = z.object({
  /** The thing: a tap, a lease, a rule. */
  what: z.string(),
  vm: z.string().nullable(),
  problem: z.string(),
  remedy: z.string(),
});
export type Finding = z.infer<typeof Finding>;

export const attach = defineMethod({
  name: 'network.attach',
  summary: 'Give a running VM one more NIC; answers when the guest has confirmed it.',
  access: 'change',
  params: z.strictObject({
    vm: VmRef,
    nic: NicWish.prefault({}),
    readyTimeout: z.int().min(1).max(3_600_000).default(30_000),
  }),
  result: z.object({ attachment: Attachment }),
  errors: [
    vm.vmUnknown,
    vm.vmBusy,
    vm.vmForeign,
    namespaces.attachInNamespace,
    network.noPci,
    network.nicAfterUnplug,
    network.networkUnknown,
    network.subnetExhausted,
    network.tapBusy,
    agent.agentSilent,
    agent.updateFailed,
    vmm.vmmRefused,
    vmm.vmmTooOld,
  ],
});

export const detach = defineMethod({
  name: 'network.detach',
  summary: 'Take a NIC away. The VM can then never get another one: restore a fresh clone for that.',
  access: 'change',
  params: z.strictObject({
    vm: VmRef,
    /** The attachment’s id, e.g. `eth0`. */
    attachment: z.string().max(64),
    /** Unplug even where the guest did not let the device go first. */
    force: z.boolean().default(false),
  }),
  result: z.object({ attachment: z.string() }),
  errors: [
    vm.vmUnknown,
    vm.vmBusy,
    vm.vmForeign,
    network.attachmentUnknown,
    agent.agentSilent,
    vmm.vmmRefused,
  ],
});

export const check = defineMethod({
  name: 'network.check',
  summary: 'Compare taps, leases and rules with what should be there; optionally ping the guests.',
  access: 'read',
  params: z.strictObject({ vm: VmRef.optional(), ping: z.boolean().default(false) }),
  result: z.object({
    findings: z.array(Finding),
    pings: z.array(z.object({ vm: z.string(), address: z.string(), milliseconds: z.number().nullable() })),
  }),
  errors: [vm.vmUnknown],
});

export const gc = defineMethod({
  name: 'network.gc',
  summary: 'Remove links, rules and ports that carry thaw’s mark and belong to no VM; never anybody else’s.',
  access: 'change',
  params: z.strictObject({
    /** Only tell what would go. */
    dryRun: z.boolean().default(false),
  }),
  result: z.object({ removed: z.array(z.string()), dryRun: z.boolean() }),
});

export const plan = defineMethod({
  name: 'network.plan',
  summary:
    'How clones of a snapshot would get their network: the same decision, with nothing made or reserved.',
  access: 'read',
  params: z.strictObject({
    snapshot: SnapshotRef,
    ...NetworkChoice,
    count: z.int().min(1).max(1024).default(1),
  }),
  result: z.object({
    chosen: Strategy,
    passedOver: z.array(PassedOver),
    /** Of each clone; a MAC or tap that is made anew for each is null. */
    nics: z.array(
      z.object({
        id: z.string(),
        network: NetworkName,
        address: z.string().nullable(),
        mac: Mac.nullable(),
        tap: z.string().nullable(),
      }),
    ),
    /** The steps of one clone, in order. */
    steps: z.array(z.object({ kind: z.string(), label: z.string() })),
  }),
  errors: [
    snapshot.snapshotUnknown,
    snapshot.notFit,
    snapshot.incompatible,
    network.networkUnknown,
    network.tapTaken,
    network.nicUnknown,
    network.noPci,
    vmm.vmmTooOld,
    vmm.vmmNotExecutable,
  ],
});

export const list = defineMethod({
  name: 'network.list',
  summary: 'The networks of the configuration and how full they are.',
  access: 'read',
  params: z.strictObject({}),
  result: z.object({
    networks: z.array(
      z.object({
        name: NetworkName,
        bridge: z.string(),
        /** Null where it has the whole bridge. */
        vlan: z.int().nullable(),
        subnet: z.string(),
        gateway: z.string(),
        subnet6: z.string().nullable(),
        gateway6: z.string().nullable(),
        nat: z.boolean(),
        mtu: z.int(),
        leases: z.int(),
        capacity: z.int(),
      }),
    ),
  }),
});
