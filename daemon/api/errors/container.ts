import { z } from 'zod';
import { defineError } from '../define.js';

// 3300–3399: clones of containers.

const container = z.object({ container: z.string() });

export const annotationInvalid = defineError({
  code: 3301,
  reason: 'annotation-invalid',
  retryable: false,
  data: container.extend({ annotation: z.string(), why: z.string() }),
  message: ({ container, annotation, why }) =>
    `The annotation ${annotation} of container ${container}: ${why}`,
  remedy: () =>
    'The README has the annotations and their values; the container is not started without its VM',
});

export const containerGone = defineError({
  code: 3302,
  reason: 'container-gone',
  retryable: false,
  data: container.extend({ pid: z.int() }),
  message: ({ container, pid }) => `Container ${container} has ended: there is no process ${pid} any more`,
  remedy: () => 'Nothing was kept for it; start the container again',
});

export const containerWithoutClone = defineError({
  code: 3303,
  reason: 'container-without-clone',
  retryable: false,
  data: container,
  message: ({ container }) => `Container ${container} has no clone`,
  remedy: () =>
    'Have the hook called at createRuntime too; see the hooks.d file. If it was, the clone has ended: `thaw events` tells why',
});

export const containerNotReady = defineError({
  code: 3304,
  reason: 'container-not-ready',
  retryable: true,
  data: container.extend({ vm: z.string(), word: z.string() }),
  message: ({ container, vm, word }) => `The clone ${vm} of container ${container} is ${word}, not ready`,
  remedy: ({ vm }) => `\`thaw show ${vm}\` and \`thaw timeline ${vm}\` tell why`,
});

export const namespaceTaken = defineError({
  code: 3305,
  reason: 'namespace-taken',
  retryable: false,
  data: container.extend({ vm: z.string(), why: z.string() }),
  message: ({ container, vm, why }) =>
    `The network namespace of container ${container} has the clone ${vm} already: ${why}`,
  remedy: () => 'One clone per namespace: annotate one container of it, or all alike, with `beside`',
});

export const takeoverRefused = defineError({
  code: 3306,
  reason: 'takeover-refused',
  retryable: false,
  data: z.object({ why: z.string() }),
  message: ({ why }) => `No guest can take over the container's interface: ${why}`,
  remedy: () => 'Give the container one interface and a network namespace of its own, or use `beside`',
});

export const containerSpaceGone = defineError({
  code: 3307,
  reason: 'container-space-gone',
  retryable: false,
  data: z.object({ pid: z.int(), netns: z.string() }),
  message: ({ pid, netns }) =>
    `The network namespace ${netns} of process ${pid} is gone, or is the host's own`,
  remedy: () => 'The container has ended meanwhile: start it again',
});

export const containerNotYours = defineError({
  code: 3308,
  reason: 'container-not-yours',
  retryable: false,
  data: container.extend({ pid: z.int(), uid: z.int() }),
  message: ({ container, pid, uid }) =>
    `Container ${container} can't be given a clone by user ${uid}: process ${pid} is not theirs`,
  remedy: () =>
    'Whoever is not root names only namespaces of their own processes: have root’s runtime call the hook',
});
