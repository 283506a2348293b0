import { z } from 'zod';
import { defineMethod } from './define.js';
import { Vm } from './shapes/vm.js';

/**
 * What happened, numbered without gaps within an `epoch`, which outlives a daemon that ends in order and no crash. Sent
 * as `events.event`.
 */
export const ThawEvent = z.object({
  seq: z.int(),
  at: z.number(),
  type: z.enum([
    'vm.preparing',
    'vm.loaded',
    'vm.attached',
    'vm.ready',
    'vm.degraded',
    'vm.changed',
    'vm.expired',
    'vm.stopped',
    'vm.removed',
    'vm.failed',
    'system.reloaded',
    'system.reload-failed',
    'snapshot.created',
    'snapshot.deleted',
  ]),
  vm: z.string().nullable(),
  snapshot: z.string().nullable(),
  operation: z.string().nullable(),
  detail: z.unknown().optional(),
});
export type ThawEvent = z.infer<typeof ThawEvent>;

/** Sent as `events.dropped` where the subscriber read too slowly: from `from` to `to` are lost, ask for the state again. */
export const Dropped = z.object({ from: z.int(), to: z.int() });
export type Dropped = z.infer<typeof Dropped>;

export const subscribe = defineMethod({
  name: 'events.subscribe',
  summary: 'The state now, then numbered events on this connection, until it closes.',
  access: 'read',
  params: z.strictObject({
    /** Resume after this number; only within the same epoch and as far back as events are kept. */
    since: z.int().min(0).optional(),
    epoch: z.string().max(64).optional(),
  }),
  result: z.object({
    epoch: z.string(),
    /** The last event that the state includes. */
    seq: z.int(),
    /** False where `since` could not be honoured: the state below is then all there is. */
    resumed: z.boolean(),
    vms: z.array(Vm),
  }),
});
