import { z } from 'zod';
import { Inode } from '../api/shapes/file.js';
import { PortForward } from '../api/shapes/port.js';
import { AgentSpec } from '../api/shapes/machine.js';
import { LinkName, Mac, Name, NetworkName, OperationId, SnapshotId, Time, VmId } from '../api/shapes/ids.js';
import { UpdatePart } from '../api/shapes/update.js';
import { Labels } from '../api/shapes/vm.js';
import type { Json, Step } from '../../plugins/contract.js';

const json: z.ZodType<Json> = z.json();
const step: z.ZodType<Step> = z.looseObject({ kind: z.string() }).catchall(json.optional());

/** A grant, as the fabric gave it. */
const grant = z.object({
  vm: VmId,
  nic: z.string(),
  network: NetworkName,
  tap: LinkName,
  mac: Mac,
  bridge: LinkName,
  vlan: z.int().optional(),
  addresses: z.array(z.string()),
  gateway: z.string().nullable(),
  gateway6: z.string().optional(),
  ports: z.array(PortForward).optional(),
  cni: z
    .object({
      link: z.string(),
      runtime: z.object({
        mac: z.string().optional(),
        ips: z.array(z.string()).optional(),
        portMappings: z
          .array(
            z.object({
              hostPort: z.int(),
              containerPort: z.int(),
              protocol: z.string(),
              hostIP: z.string().optional(),
            }),
          )
          .optional(),
      }),
    })
    .optional(),
  dns: z.array(z.string()),
  mtu: z.int(),
  isolated: z.boolean(),
});

/** A NIC that the VM has or is being given. */
export const AttachmentRecord = z.object({
  grant,
  /** Since when it is in the VMM; null before. */
  pluggedAt: Time.nullable(),
  /** When and as what the guest confirmed it; null before. */
  confirmed: z.object({ at: Time, by: z.string(), interface: z.string().nullable() }).nullable(),
  /** What the guest has, where that is not the grant's: behind NAT. */
  inner: z
    .object({
      mac: z.string(),
      addresses: z.array(z.string()),
      gateway: z.string().nullable(),
      gateway6: z.string().optional(),
      mtu: z.int(),
    })
    .optional(),
});
export type AttachmentRecord = z.infer<typeof AttachmentRecord>;

/** An operation under way, written before its first step runs: what the next daemon must undo. */
export const Pending = z.object({
  operation: OperationId,
  method: z.string(),
  startedAt: Time,
  steps: z.array(step),
  /** True where the VM comes into being by it: undone means gone. */
  makes: z.boolean(),
  /** What {@link VmRecord} `everUnplugged` was before, where the plan says true because an unplug is coming. */
  everUnplugged: z.boolean().optional(),
});
export type Pending = z.infer<typeof Pending>;

/** What binds a clone to containers: it goes a while after the last of them has ended. */
export const Bond = z.object({
  /** Those that share the clone. */
  holders: z.array(z.object({ id: z.string(), pid: z.int(), startTime: z.string() })).readonly(),
  /** The network namespace that they are in; null for the host's. */
  netns: z.string().nullable(),
  how: z.enum(['beside', 'takeover']),
  /** Milliseconds between the end of a container and the release of its clone, where no poststop comes. */
  grace: z.number(),
});
export type Bond = Readonly<z.infer<typeof Bond>>;

/**
 * What must be known of a VM when the daemon that made it is gone: intent and journal, never a state. Leases, taps
 * and rules follow from the steps; no other file says the same again.
 */
export const VmRecord = z.object({
  id: VmId,
  /** Null while it is a slot that nobody has taken. */
  name: Name.nullable(),
  origin: z.enum(['booted', 'restored', 'adopted']),
  /** Of a VM that somebody else started: where it was found, and the NICs it had then. */
  adopted: z
    .object({
      dir: z.string(),
      apiSocket: z.string(),
      /** The VMM's working directory, where relative paths of its drives and sockets lead. */
      cwd: z.string(),
      nics: z.array(z.string()),
    })
    .nullable()
    .default(null),
  createdAt: Time,
  /** When it is to be stopped, by the host's clock; null for never. */
  expiresAt: Time.nullable().default(null),
  /** All that it holds, in the order in which it was made; undone in reverse when it goes. */
  steps: z.array(step),
  pending: Pending.nullable(),
  /** True once it shall go: only undo is left. */
  removing: z.boolean(),
  /** A VM that failed and is kept to be looked at. */
  kept: z.object({ reason: z.string(), at: Time }).nullable(),
  attachments: z.array(AttachmentRecord),
  process: z.object({ pid: z.int(), startTime: z.string() }).nullable(),
  vmmVersion: z.string(),
  pci: z.boolean(),
  /** True where a NIC was ever there, in this life or those of its snapshots. */
  everHadNic: z.boolean(),
  /** True where a PCI device was ever unplugged, likewise; written before the unplug. */
  everUnplugged: z.boolean(),
  machine: z.object({ vcpus: z.int(), memoryMib: z.int() }),
  drives: z.array(
    z.object({
      id: z.string(),
      path: z.string(),
      file: z.string(),
      readOnly: z.boolean(),
      rootDevice: z.boolean(),
      /** Which file the VMM has open, where that is known: another one may stand at its path by now. */
      inode: Inode.optional(),
    }),
  ),
  vsock: z.object({ cid: z.int(), path: z.string() }).nullable(),
  agent: AgentSpec,
  snapshot: SnapshotId.nullable(),
  strategy: z.string().nullable(),
  /** The id that its next snapshot gets, once. */
  reservedSnapshot: SnapshotId.nullable().default(null),
  generation: z.int(),
  machineId: z.string().nullable(),
  /** What its guest is told in an update. */
  parts: z.array(UpdatePart).default(['network']),
  /** Text of the caller's for the guest. */
  userData: z.string().nullable().default(null),
  /** When the guest confirmed who it is, and by what; null where it never did. */
  confirmed: z.object({ at: Time, by: z.string() }).nullable(),
  labels: Labels,
  /** Null for a VM that belongs to no container. */
  container: Bond.nullable().default(null),
});
export type VmRecord = z.infer<typeof VmRecord>;
