import { z } from 'zod';
import { VmLimits } from './limits.js';
import { PortForward } from './port.js';
import { LinkName, Mac, Name, NetworkName, OperationId, SnapshotId, Time, VmId } from './ids.js';

/** How the VM came to be here. */
export const Origin = z.enum(['booted', 'restored', 'adopted', 'foreign']);
export type Origin = z.infer<typeof Origin>;

const at = { at: Time };

/** The VMM's process; `exit` is null where nobody saw it (an adopted VMM). */
export const ProcessState = z.discriminatedUnion('is', [
  z.object({ is: z.literal('starting'), ...at }),
  /** Both null for a VMM of somebody else's, of which only the socket is known. */
  z.object({ is: z.literal('alive'), ...at, pid: z.int().nullable(), startTime: z.string().nullable() }),
  z.object({
    is: z.literal('ended'),
    ...at,
    exit: z.object({ code: z.int().nullable(), signal: z.string().nullable() }).nullable(),
  }),
]);
export type ProcessState = z.infer<typeof ProcessState>;

/** Whether the guest's processors run, by the VMM's own answer. */
export const PowerState = z.object({ is: z.enum(['running', 'paused', 'unknown']), ...at });
export type PowerState = z.infer<typeof PowerState>;

/** Whether the guest has confirmed who it is. `by` says what confirmed it. */
export const Readiness = z.discriminatedUnion('is', [
  z.object({ is: z.literal('waiting'), ...at }),
  z.object({ is: z.literal('ready'), ...at, by: z.string() }),
  z.object({ is: z.literal('degraded'), ...at, reason: z.string(), remedy: z.string() }),
  z.object({ is: z.literal('not-asked'), ...at }),
  z.object({ is: z.literal('failed'), ...at, reason: z.string() }),
]);
export type Readiness = z.infer<typeof Readiness>;

export const AttachmentState = z.discriminatedUnion('is', [
  z.object({ is: z.literal('made'), ...at }),
  z.object({ is: z.literal('plugged'), ...at }),
  z.object({ is: z.literal('confirmed'), ...at, by: z.string() }),
  z.object({ is: z.literal('failed'), ...at, reason: z.string() }),
]);
export type AttachmentState = z.infer<typeof AttachmentState>;

/** One NIC of one VM, as the host and the guest know it. */
export const Attachment = z.object({
  /** Firecracker's `iface_id`. */
  id: z.string(),
  network: NetworkName,
  tap: LinkName,
  mac: Mac,
  /** With prefix length, e.g. `10.88.0.5/16`. */
  addresses: z.array(z.string()),
  gateway: z.string().nullable(),
  /** Null where the network has no IPv6. */
  gateway6: z.string().nullable(),
  mtu: z.int(),
  /** The interface's name inside the guest, once it has told. */
  guestInterface: z.string().nullable(),
  /** Ports of the host that lead to it. */
  ports: z.array(PortForward),
  state: AttachmentState,
});
export type Attachment = z.infer<typeof Attachment>;

/** The one word that people read; made from the rest by one function. */
export const VmWord = z.enum([
  'starting',
  'restoring',
  'running',
  'ready',
  'degraded',
  'paused',
  'stopping',
  'failed',
  'ended',
  'foreign',
]);
export type VmWord = z.infer<typeof VmWord>;

export const Vm = z.object({
  id: z.union([VmId, z.string()]),
  name: z.string(),
  word: VmWord,
  origin: Origin,
  createdAt: Time,
  /** When it is stopped of itself; null for never. */
  expiresAt: Time.nullable(),
  process: ProcessState,
  power: PowerState,
  readiness: Readiness,
  attachments: z.array(Attachment),
  snapshot: SnapshotId.nullable(),
  strategy: z.string().nullable(),
  /** The id that the next snapshot of it gets; null where none was asked for, or it is given away. */
  reservedSnapshot: SnapshotId.nullable(),
  /** The VM's folder in the run directory. */
  dir: z.string(),
  /** Firecracker's API socket. */
  apiSocket: z.string().nullable(),
  vmmVersion: z.string().nullable(),
  /** What is being done to it right now. */
  operation: z.object({ id: OperationId, method: z.string(), step: z.string().nullable() }).nullable(),
  /** What its VMM may use; null where nothing was limited. */
  limits: VmLimits.nullable(),
  labels: z.record(z.string(), z.string()),
  /** The containers that it belongs to, and how they reach it; null where it belongs to none. */
  container: z.object({ how: z.enum(['beside', 'takeover']), ids: z.array(z.string()) }).nullable(),
  warnings: z.array(z.string()),
});
export type Vm = z.infer<typeof Vm>;

/** One stretch of an operation's timeline, in milliseconds after the operation began. */
export const Span = z.object({
  name: z.string(),
  /** A step of the plan, or an effect inside one. */
  kind: z.enum(['step', 'effect', 'undo', 'mark']),
  start: z.number(),
  end: z.number().nullable(),
  outcome: z.enum(['done', 'failed', 'under-way']),
  /** What the step answered, e.g. the outcome of each part of a guest's update. */
  detail: z.unknown().optional(),
});
export type Span = z.infer<typeof Span>;

export const Timeline = z.object({
  operation: OperationId,
  method: z.string(),
  vm: z.string().nullable(),
  name: Name.nullable(),
  startedAt: Time,
  endedAt: Time.nullable(),
  outcome: z.enum(['under-way', 'committed', 'undone', 'failed']),
  error: z.object({ code: z.int(), message: z.string(), reason: z.string() }).nullable(),
  spans: z.array(Span),
});
export type Timeline = z.infer<typeof Timeline>;

/** Key and value, for people's own use; given back as they came. */
export const Labels = z.record(z.string().min(1).max(63), z.string().max(256));
