import { z } from 'zod';
import { defineError } from '../define.js';

// 3150–3199: network namespaces.

export const namespaceLimit = defineError({
  code: 3151,
  reason: 'namespace-limit',
  retryable: true,
  data: z.object({}),
  message: () => 'The host has as many network namespaces as it may have',
  remedy: () => 'Stop VMs, or raise the sysctl user.max_net_namespaces',
});

export const namespaceGone = defineError({
  code: 3152,
  reason: 'namespace-gone',
  retryable: false,
  data: z.object({ vm: z.string() }),
  message: ({ vm }) => `${vm} has no network namespace of its own any more`,
  remedy: () => 'It goes with the VMM: restore a fresh clone',
});

export const attachInNamespace = defineError({
  code: 3153,
  reason: 'attach-in-namespace',
  retryable: false,
  data: z.object({ vm: z.string() }),
  message: ({ vm }) => `${vm} lives in a network namespace of its own, where no tap can be given to it later`,
  remedy: () => 'Restore a clone with all the NICs it needs',
});
