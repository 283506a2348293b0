import { z } from 'zod';
import { defineMethod } from './define.js';
import * as agent from './errors/agent.js';
import * as host from './errors/host.js';
import * as namespaces from './errors/namespaces.js';
import * as network from './errors/network.js';
import * as snapshot from './errors/snapshot.js';
import * as vm from './errors/vm.js';
import * as vmm from './errors/vmm.js';
import { Mac, Name, NetworkName, ProgressToken, SnapshotRef, Ttl, VmRef } from './shapes/ids.js';
import { PortForward } from './shapes/port.js';
import { RateLimiter } from './shapes/machine.js';
import { Snapshot } from './shapes/snapshot.js';
import { PartSwitches, UserData } from './shapes/update.js';
import { VmLimits } from './shapes/limits.js';
import { Labels, Vm } from './shapes/vm.js';

const one = z.strictObject({ snapshot: SnapshotRef });

export const create = defineMethod({
  name: 'snapshot.create',
  summary: 'Take a snapshot of a running VM, proven to be without a NIC; the VM runs on.',
  access: 'change',
  progress: true,
  params: z.strictObject({
    vm: VmRef,
    name: Name.optional(),
    labels: Labels.default({}),
    /** Restore a throw-away clone and attach a NIC: the proof for a VM whose history is unknown. */
    verify: z.boolean().default(false),
    /** Unplug the NICs first. The snapshot is then fit for the strategy `none` only. */
    strip: z.boolean().default(false),
    /** Keep the NICs inside: for the strategies that want them there. */
    keepNics: z.boolean().default(false),
    progressToken: ProgressToken.optional(),
  }),
  result: z.object({ snapshot: Snapshot, warnings: z.array(z.string()) }),
  errors: [
    vm.vmUnknown,
    vm.vmBusy,
    vm.vmForeign,
    vm.nameTaken,
    snapshot.nicPresent,
    snapshot.fitnessUnknown,
    snapshot.proofFailed,
    snapshot.driveNotPortable,
    host.diskFull,
    vmm.vmmRefused,
    vmm.vmmDied,
  ],
});

/** One NIC wished for a clone. */
export const NicWish = z.strictObject({
  network: NetworkName.default('default' as NetworkName),
  /** A static address inside the network's subnet, without prefix; otherwise a free one is leased. */
  address: z.string().max(45).optional(),
  mac: Mac.optional(),
  /** Ports of the host that lead to this NIC for as long as the VM has it. */
  ports: z.array(PortForward).max(64).optional(),
  rxRateLimiter: RateLimiter.optional(),
  txRateLimiter: RateLimiter.optional(),
});
export type NicWish = z.output<typeof NicWish>;

/** One NIC wished for each clone of a restore. */
export const RestoreNic = NicWish.extend({
  /** Which of the NICs inside the snapshot is meant, e.g. `eth0`; else they are meant in their order. */
  id: z.string().max(64).optional(),
  /** Where it shall be: else a NIC inside the snapshot stays in its network, and any other is put into `default`. */
  network: NetworkName.optional(),
});
export type RestoreNic = z.output<typeof RestoreNic>;

export const Strategy = z.enum([
  'auto',
  'hot-attach',
  'override',
  'netns',
  'predictable',
  'recorded',
  'none',
]);
export type Strategy = z.output<typeof Strategy>;

/** A strategy that would have been better, and why it can't be had. */
export const PassedOver = z.object({ strategy: Strategy, reason: z.string(), message: z.string() });
export type PassedOver = z.infer<typeof PassedOver>;

/** What a restore and its plan have in common: what decides how clones get their network. */
export const NetworkChoice = {
  /** `auto`: the best that snapshot, Firecracker and host allow; the answer says which, and why no better one. */
  strategy: Strategy.default('hot-attach'),
  nics: z.array(RestoreNic).max(31).optional(),
  /** NICs inside the snapshot keep their MACs: for guests that are licensed by it. One clone a network then. */
  keepMac: z.boolean().default(false),
};

export const restore = defineMethod({
  name: 'snapshot.restore',
  summary: 'Restore any number of clones side by side; each succeeds or fails by itself.',
  access: 'change',
  progress: true,
  params: z
    .strictObject({
      snapshot: SnapshotRef,
      count: z.int().min(1).max(1024).optional(),
      names: z.array(Name).min(1).max(1024).optional(),
      ...NetworkChoice,
      /** Milliseconds for the guest to confirm. */
      readyTimeout: z.int().min(1).max(3_600_000).default(30_000),
      /** Also ping the guest from the host before calling it ready. */
      ping: z.boolean().default(false),
      /** Each clone is stopped so many milliseconds after it was made; left out, never. */
      ttl: Ttl.optional(),
      /** Over those of the configuration. */
      limits: VmLimits.optional(),
      keepOnFailure: z.boolean().default(false),
      labels: Labels.default({}),
      /** Parts of the guest's update to switch on or off, over the configuration's; later updates keep to it. */
      parts: PartSwitches.optional(),
      userData: UserData.optional(),
      progressToken: ProgressToken.optional(),
    })
    .refine((p) => p.count === undefined || p.names === undefined, {
      message: 'give count or names, not both',
    })
    .refine((p) => p.names === undefined || new Set(p.names).size === p.names.length, {
      message: 'a name stands there twice',
      path: ['names'],
    }),
  result: z.object({
    /** The strategy by which they were restored. */
    chosen: Strategy,
    passedOver: z.array(PassedOver),
    clones: z.array(
      z.discriminatedUnion('ok', [
        z.object({ ok: z.literal(true), vm: Vm }),
        z.object({
          ok: z.literal(false),
          name: z.string(),
          error: z.object({
            code: z.int(),
            message: z.string(),
            data: z.looseObject({ reason: z.string(), retryable: z.boolean(), remedy: z.string() }),
          }),
        }),
      ]),
    ),
  }),
  errors: [
    snapshot.snapshotUnknown,
    snapshot.snapshotDamaged,
    snapshot.notFit,
    snapshot.incompatible,
    vm.nameTaken,
    vm.driveInUse,
    vm.noRoom,
    host.cgroupsUnavailable,
    network.networkUnknown,
    network.subnetExhausted,
    network.tapBusy,
    network.tapTaken,
    network.macTaken,
    network.nicUnknown,
    namespaces.namespaceLimit,
    namespaces.translationUnsupported,
    namespaces.cniUnavailable,
    namespaces.cniFailed,
    network.noPci,
    vmm.vmmTooOld,
    vmm.vmmNotExecutable,
    vmm.vmmDied,
    vmm.vmmOutOfMemory,
    vmm.vmmRefused,
    agent.agentSilent,
    agent.agentCommandOff,
    agent.updateFailed,
  ],
});

export const list = defineMethod({
  name: 'snapshot.list',
  summary: 'All snapshots of the store.',
  access: 'read',
  params: z.strictObject({}),
  result: z.object({ snapshots: z.array(Snapshot) }),
});

export const get = defineMethod({
  name: 'snapshot.get',
  summary: 'One snapshot.',
  access: 'read',
  params: one,
  result: z.object({ snapshot: Snapshot }),
  errors: [snapshot.snapshotUnknown],
});

export const remove = defineMethod({
  name: 'snapshot.delete',
  summary: 'Delete a snapshot that no VM was restored from any more.',
  access: 'change',
  params: one,
  result: z.object({ snapshot: z.string() }),
  errors: [snapshot.snapshotUnknown, snapshot.snapshotInUse],
});

export const verify = defineMethod({
  name: 'snapshot.verify',
  summary: 'Read a snapshot’s files again and compare them with their recorded hashes.',
  access: 'read',
  params: one,
  result: z.object({ snapshot: z.string(), intact: z.literal(true) }),
  errors: [snapshot.snapshotUnknown, snapshot.snapshotDamaged],
});
