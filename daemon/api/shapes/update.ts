import { z } from 'zod';

/** What became of one part of a guest's update. */
export const PartOutcome = z.object({
  is: z.enum(['done', 'unchanged', 'unsupported', 'failed']),
  reason: z.string().optional(),
});
export type PartOutcome = z.infer<typeof PartOutcome>;

/** The parts of an update, in the order in which the guest does them. */
export const UpdatePart = z.enum(['network', 'hostname', 'machine-id', 'clock', 'randomness', 'identity']);
export type UpdatePart = z.infer<typeof UpdatePart>;

/** The guest's own answer to an update. */
export const UpdateAnswer = z.object({
  parts: z.record(z.string(), PartOutcome),
  /** What the guest calls each NIC, by MAC. */
  interfaces: z.record(z.string(), z.string()),
  /** What the guest says of itself after the update. */
  hostname: z.string().nullable(),
  machineId: z.string().nullable(),
});
export type UpdateAnswer = z.infer<typeof UpdateAnswer>;
