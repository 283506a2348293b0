import { z } from 'zod';

/** What became of one part of a guest's update. */
export const PartOutcome = z.object({
  is: z.enum(['done', 'unchanged', 'unsupported', 'failed']),
  reason: z.string().optional(),
});
export type PartOutcome = z.infer<typeof PartOutcome>;

/** The parts of an update, in the order in which the guest does them. */
export const UpdatePart = z.enum([
  'clock',
  'network',
  'hostname',
  'machine-id',
  'randomness',
  /** New SSH host keys, drawn once the kernel was reseeded. */
  'ssh-host-keys',
  /** `/run/thaw/identity.json`. */
  'identity',
  /** The guest's own programs in `/etc/thaw/restore.d`. */
  'scripts',
]);
export type UpdatePart = z.infer<typeof UpdatePart>;

/** Parts to switch on or off; what is left out stays as it is. */
export const PartSwitches = z
  .strictObject({
    clock: z.boolean(),
    network: z.boolean(),
    hostname: z.boolean(),
    'machine-id': z.boolean(),
    randomness: z.boolean(),
    'ssh-host-keys': z.boolean(),
    identity: z.boolean(),
    scripts: z.boolean(),
  } satisfies Record<UpdatePart, z.ZodBoolean>)
  .partial();
export type PartSwitches = z.infer<typeof PartSwitches>;

/** Text for the guest: in its identity file and in its scripts' environment. */
export const UserData = z.string().max(32_768);

/** The guest's own answer to an update. Parts that were not asked for are not in it. */
export const UpdateAnswer = z.object({
  parts: z.record(z.string(), PartOutcome),
  /** What the guest calls each NIC, by MAC. */
  interfaces: z.record(z.string(), z.string()),
  /** What the guest says of itself after the update. */
  hostname: z.string().nullable(),
  machineId: z.string().nullable(),
});
export type UpdateAnswer = z.infer<typeof UpdateAnswer>;
