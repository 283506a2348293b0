import { z } from 'zod';
import { Content } from './file.js';
import { AgentSpec } from './machine.js';
import { Labels, Origin } from './vm.js';
import { LinkName, Mac, NetworkName, SnapshotId, Time } from './ids.js';

/** A file of a snapshot: what it must still be at every restore. */
export const FileFact = z.object({
  name: z.string(),
  bytes: z.int(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type FileFact = z.infer<typeof FileFact>;

/** Whether a NIC hot-attached to a clone would live (fact 3 of what was measured: not after any PCI unplug). */
export const Fitness = z.object({ is: z.enum(['yes', 'no', 'unknown']), reason: z.string() });
export type Fitness = z.infer<typeof Fitness>;

/** `manifest.json`: all that a restore must know, and what people asked to keep. */
export const Manifest = z.object({
  version: z.literal(1),
  id: SnapshotId,
  name: z.string().nullable(),
  createdAt: Time,
  source: z.object({ vm: z.string(), name: z.string(), origin: Origin }),
  parent: SnapshotId.nullable(),
  vmm: z.object({ version: z.string(), snapshotFormat: z.string().nullable() }),
  host: z.object({ cpuModel: z.string(), arch: z.string(), kernel: z.string() }),
  machine: z.object({ vcpus: z.int(), memoryMib: z.int() }),
  pci: z.boolean(),
  /** True where a NIC or other PCI device was ever unplugged, in the source's life or its snapshots'. */
  everUnplugged: z.boolean(),
  hotAttach: Fitness,
  /** NICs inside, as the guest has them. */
  nics: z.array(
    z.object({
      id: z.string(),
      tap: LinkName,
      mac: Mac.nullable(),
      /** The network that it was in; null where nobody knows. */
      network: NetworkName.nullable().default(null),
      /** With prefix length; empty where nobody knows. */
      addresses: z.array(z.string()).default([]),
      gateway: z.string().nullable().default(null),
      gateway6: z.string().nullable().default(null),
      /** Bytes; null where nobody knows. */
      mtu: z.int().nullable().default(null),
    }),
  ),
  drives: z.array(
    z.object({
      id: z.string(),
      /** As Firecracker holds it: relative to the VM's folder, or absolute for a read-only one. */
      path: z.string(),
      readOnly: z.boolean(),
      rootDevice: z.boolean(),
      /** The file in `disks/`, or an absolute path where the drive is read-only and shared. */
      file: z.string(),
      /** What a shared one was when the snapshot was taken: memory knows its content. Absent for block devices. */
      was: Content.optional(),
    }),
  ),
  vsock: z.object({ cid: z.int(), path: z.string() }).nullable(),
  agent: AgentSpec,
  /** How often the guest has been restored before: a clone of a boot's snapshot is generation 1. */
  generation: z.int(),
  files: z.array(FileFact),
  labels: Labels,
});
export type Manifest = z.infer<typeof Manifest>;

/** A snapshot as clients see it. */
export const Snapshot = Manifest.extend({
  /** Sum of the files' lengths. */
  bytes: z.int(),
  /** VMs restored from it that still live. */
  clones: z.array(z.string()),
});
export type Snapshot = z.infer<typeof Snapshot>;
