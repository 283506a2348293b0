import { z } from 'zod';
import { defineMethod } from './define.js';
import * as host from './errors/host.js';
import * as vm from './errors/vm.js';
import * as vmm from './errors/vmm.js';
import * as agent from './errors/agent.js';
import * as network from './errors/network.js';
import * as snapshot from './errors/snapshot.js';
import { Name, NetworkName, OperationId, ProgressToken, SnapshotId, Ttl, VmRef } from './shapes/ids.js';
import { AgentSpec, MachineSpec } from './shapes/machine.js';
import { VmLimits } from './shapes/limits.js';
import { Labels, Timeline, Vm } from './shapes/vm.js';
import { NicWish } from './snapshot.js';

const one = z.strictObject({ vm: VmRef });

export const boot = defineMethod({
  name: 'vm.boot',
  summary: 'Boot a VM; without a NIC by default, so that its snapshots can be restored with hot-attach.',
  access: 'change',
  progress: true,
  params: z
    .strictObject({
      name: Name.optional(),
      config: MachineSpec,
      /** Start with `--enable-pci`: hot-attach needs it. */
      pci: z.boolean().default(true),
      /** Networks to give a NIC on at boot, or NICs more exactly. Snapshots of such a VM are not fit for hot-attach. */
      networks: z
        .array(z.union([NetworkName, NicWish]))
        .max(8)
        .default([]),
      /**
       * The id that a snapshot of this VM shall have, or `new` to have one made: the first `snapshot.create` gets it. The
       * names of its taps then follow from it, which the strategy `predictable` needs.
       */
      snapshotId: z.union([z.literal('new'), SnapshotId]).optional(),
      agent: AgentSpec.prefault({}),
      /** Milliseconds for the guest's agent to answer, 0 to not wait for it. */
      readyTimeout: z.int().min(0).max(3_600_000).default(60_000),
      /** It is stopped so many milliseconds after it was made; left out, never. */
      ttl: Ttl.optional(),
      /** Over those of the configuration. */
      limits: VmLimits.optional(),
      keepOnFailure: z.boolean().default(false),
      labels: Labels.default({}),
      progressToken: ProgressToken.optional(),
    })
    .refine((p) => p.snapshotId === undefined || p.networks.length > 0, {
      message: 'it names the taps of a VM that is booted with NICs: give networks too',
      path: ['snapshotId'],
    }),
  result: z.object({ vm: Vm }),
  errors: [
    vm.nameTaken,
    vm.driveInUse,
    vm.noRoom,
    host.cgroupsUnavailable,
    host.pathNotAllowed,
    host.fileMissing,
    vmm.vmmNotExecutable,
    vmm.vmmDied,
    vmm.vmmOutOfMemory,
    vmm.vmmRefused,
    agent.agentSilent,
    network.subnetExhausted,
    network.networkUnknown,
    network.tapTaken,
    snapshot.snapshotIdTaken,
  ],
});

export const list = defineMethod({
  name: 'vm.list',
  summary: 'All VMs of the run directory, foreign ones too.',
  access: 'read',
  params: z.strictObject({}),
  result: z.object({ vms: z.array(Vm) }),
});

export const get = defineMethod({
  name: 'vm.get',
  summary: 'One VM.',
  access: 'read',
  params: one,
  result: z.object({ vm: Vm }),
  errors: [vm.vmUnknown],
});

export const pause = defineMethod({
  name: 'vm.pause',
  summary: 'Pause the guest’s processors. Warns where this Firecracker then loses its agent.',
  access: 'change',
  params: one,
  result: z.object({ vm: Vm, warnings: z.array(z.string()) }),
  errors: [vm.vmUnknown, vm.vmBusy, vm.vmForeign, vmm.vmmRefused, vmm.vmmDied],
});

export const resume = defineMethod({
  name: 'vm.resume',
  summary: 'Let a paused guest run again; answers with what its agent then says.',
  access: 'change',
  params: one,
  result: z.object({ vm: Vm }),
  errors: [vm.vmUnknown, vm.vmBusy, vm.vmForeign, vmm.vmmRefused, vmm.vmmDied],
});

export const stop = defineMethod({
  name: 'vm.stop',
  summary: 'End a VM and free all it held. Aborts what is under way and awaits its undo.',
  access: 'change',
  params: one,
  result: z.object({ vm: z.string() }),
  errors: [vm.vmUnknown, vm.vmForeign],
});

export const extend = defineMethod({
  name: 'vm.extend',
  summary: 'Say anew how long a VM may live, from now on; null for as long as nobody stops it.',
  access: 'change',
  params: z.strictObject({ vm: VmRef, ttl: Ttl.nullable() }),
  result: z.object({ vm: Vm }),
  errors: [vm.vmUnknown, vm.vmBusy, vm.vmForeign],
});

export const adopt = defineMethod({
  name: 'vm.adopt',
  summary:
    'Take a VM that somebody else started under management: NICs, snapshots, stop. Its process is not touched.',
  access: 'change',
  params: z.strictObject({
    /** As `vm.list` calls it. */
    vm: VmRef,
    /** What to call it; else as its folder, where that is a name. */
    name: Name.optional(),
    /** How its agent is reached: it must answer. Null where there is none, and then no NIC can be attached. */
    agent: AgentSpec.prefault({}),
    /** Milliseconds for the agent to answer; a paused VM's is not asked. */
    readyTimeout: z.int().min(1).max(3_600_000).default(10_000),
    labels: Labels.default({}),
  }),
  result: z.object({ vm: Vm }),
  errors: [
    vm.vmUnknown,
    vm.vmOurs,
    vm.vmBusy,
    vm.notAdoptable,
    vm.nameTaken,
    vm.driveInUse,
    agent.noAgent,
    agent.agentSilent,
    vmm.vmmSilent,
  ],
});

export const release = defineMethod({
  name: 'vm.release',
  summary: 'Give an adopted VM back, untouched: it runs on and is only shown.',
  access: 'change',
  params: one,
  result: z.object({ vm: z.string() }),
  errors: [vm.vmUnknown, vm.vmForeign, vm.vmBusy, vm.notAdopted, vm.holdsNics],
});

export const timeline = defineMethod({
  name: 'vm.timeline',
  summary: 'What was done to a VM and how long each step took; by VM, or by operation, failed ones included.',
  access: 'read',
  params: z.strictObject({ vm: VmRef.optional(), operation: OperationId.optional() }),
  result: z.object({ timelines: z.array(Timeline) }),
  errors: [vm.vmUnknown, vm.operationUnknown],
});
