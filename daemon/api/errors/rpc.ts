import { z } from 'zod';
import { defineError } from '../define.js';

// 1000–1099: the conversation itself. What JSON-RPC has codes for (−32700…−32603) keeps them; see `standard.ts`.

export const cancelled = defineError({
  code: 1001,
  reason: 'cancelled',
  retryable: true,
  data: z.object({ by: z.string() }),
  message: ({ by }) => `The request was cancelled by ${by}`,
  remedy: () => 'Nothing of it is left; send it again if it is still wanted',
});

export const notPermitted = defineError({
  code: 1002,
  reason: 'not-permitted',
  retryable: false,
  data: z.object({ method: z.string(), uid: z.int() }),
  message: ({ method, uid }) => `User ${uid} may read, but ${method} changes something`,
  remedy: ({ uid }) => `Call as root, or list user ${uid} under "socket.users" in the configuration`,
});

export const tooManyInFlight = defineError({
  code: 1003,
  reason: 'too-many-in-flight',
  retryable: true,
  data: z.object({ limit: z.int() }),
  message: ({ limit }) => `${limit} requests of this connection are still being answered`,
  remedy: () => 'Wait for an answer before sending more',
});

export const frameTooLarge = defineError({
  code: 1004,
  reason: 'frame-too-large',
  retryable: false,
  data: z.object({ limit: z.int() }),
  message: ({ limit }) => `A line is longer than ${limit} bytes`,
  remedy: () => 'Send one JSON value per line, each below the limit',
});

export const stopping = defineError({
  code: 1005,
  reason: 'stopping',
  retryable: true,
  data: z.object({}),
  message: () => 'The daemon is shutting down and takes no new work',
  remedy: () => 'Call again once it is back',
});

export const deadlineExceeded = defineError({
  code: 1006,
  reason: 'deadline-exceeded',
  retryable: true,
  data: z.object({ what: z.string(), milliseconds: z.number() }),
  message: ({ what, milliseconds }) => `${what} took longer than ${milliseconds} ms`,
  remedy: () => 'Look at the timeline for what was slow, or allow more time',
});

export const noAccess = defineError({
  code: 1007,
  reason: 'no-access',
  retryable: false,
  data: z.object({ uid: z.int() }),
  message: ({ uid }) => `User ${uid} may not use this socket`,
  remedy: () => 'Call as root, or as a member of the socket’s group',
});

export const internal = defineError({
  code: 1099,
  reason: 'internal',
  retryable: false,
  data: z.object({ what: z.string() }),
  message: ({ what }) => `A fault of thawd itself: ${what}`,
  remedy: () => 'Look in the log of thawd for the incident or the operation, and report it',
});
