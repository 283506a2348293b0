import { z } from 'zod';
import { defineError } from '../define.js';

// 3200–3299: the agent in the guest.

export const agentSilent = defineError({
  code: 3201,
  reason: 'agent-silent',
  retryable: true,
  data: z.object({ vm: z.string(), milliseconds: z.number(), why: z.string() }),
  message: ({ vm, milliseconds, why }) =>
    `The guest of ${vm} did not answer within ${milliseconds} ms: ${why}`,
  remedy: () =>
    'Does qemu-ga listen on the vsock port given with the VM? README tells how to prepare a guest',
});

export const noAgent = defineError({
  code: 3202,
  reason: 'no-agent',
  retryable: false,
  data: z.object({ vm: z.string() }),
  message: ({ vm }) => `${vm} was booted without an agent or without a vsock`,
  remedy: () => 'Boot the source with both; without them nobody can confirm anything of the guest',
});

export const updateFailed = defineError({
  code: 3203,
  reason: 'update-failed',
  retryable: false,
  data: z.object({ vm: z.string(), part: z.string(), why: z.string() }),
  message: ({ vm, part, why }) => `The guest of ${vm} could not update its ${part}: ${why}`,
  remedy: () => 'The guest’s own words are above; `thaw timeline` shows every part’s outcome',
});

export const agentRefused = defineError({
  code: 3204,
  reason: 'agent-refused',
  retryable: false,
  data: z.object({ vm: z.string(), command: z.string(), said: z.string() }),
  message: ({ command, said }) => `The agent answered ${command} with an error: ${said}`,
  remedy: () =>
    'Distributions switch commands off: allow guest-exec in the agent’s configuration (allow-rpcs, block-rpcs)',
});

export const agentGarbled = defineError({
  code: 3205,
  reason: 'agent-garbled',
  retryable: false,
  data: z.object({ vm: z.string(), why: z.string() }),
  message: ({ vm, why }) => `The agent of ${vm} does not speak its protocol: ${why}`,
  remedy: () => 'Check that the port belongs to qemu-ga, and its version',
});

export const guestUnreachable = defineError({
  code: 3206,
  reason: 'guest-unreachable',
  retryable: true,
  data: z.object({ vm: z.string(), address: z.string() }),
  message: ({ vm, address }) => `The guest of ${vm} confirmed ${address}, but does not answer ping there`,
  remedy: () =>
    '`thaw network check` looks for what cuts the traffic: filters in the guest, rules of others on this host',
});
