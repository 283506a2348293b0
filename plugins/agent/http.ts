import { z } from 'zod';
import { definePlugin } from '../contract.js';
import { HttpSession } from './http/session.js';

/** A small HTTP agent of somebody's own in the guest: `GET /health`, `PUT /config`, `PUT /detach`. */
export default definePlugin({
  kind: 'agent',
  name: 'http',
  contract: 1,
  config: z.strictObject({
    /** Sent as `Authorization: Bearer …` with every request. */
    token: z
      .string()
      .regex(/^[\x21-\x7e]{8,512}$/, 'a token is 8 to 512 visible characters')
      .optional(),
  }),
  start: (_host, { token }) =>
    Promise.resolve({
      name: 'http',
      open: (vm, stream, dial) => new HttpSession({ vm, stream, dial, token: token ?? null }),
    }),
});
