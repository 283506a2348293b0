import { z } from 'zod';
import { defineMethod } from './define.js';

export const discover = defineMethod({
  name: 'rpc.discover',
  summary: 'This contract as an OpenRPC document.',
  access: 'read',
  params: z.strictObject({}),
  result: z.looseObject({ openrpc: z.string() }),
});

/** A notification of the client's: abandon the request with this id, and undo what it has done. */
export const CancelParams = z.strictObject({ id: z.union([z.string().max(128), z.number()]) });

/** A notification of the daemon's, to whom gave `progressToken`. */
export const ProgressParams = z.object({
  token: z.union([z.string(), z.number()]),
  operation: z.string(),
  vm: z.string().nullable(),
  step: z.string(),
  state: z.enum(['began', 'done', 'failed', 'undoing']),
});
export type ProgressParams = z.infer<typeof ProgressParams>;
