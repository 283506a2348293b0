import { z } from 'zod';
import { defineError } from '../define.js';

// 3000–3099: snapshots.

export const snapshotUnknown = defineError({
  code: 3001,
  reason: 'snapshot-unknown',
  retryable: false,
  data: z.object({ snapshot: z.string() }),
  message: ({ snapshot }) => `There is no snapshot ${snapshot}`,
  remedy: () => '`thaw snapshot ls` lists them',
});

export const snapshotInUse = defineError({
  code: 3002,
  reason: 'snapshot-in-use',
  retryable: true,
  data: z.object({ snapshot: z.string(), by: z.array(z.string()) }),
  message: ({ snapshot, by }) => `${snapshot} is used by ${by.join(', ')}`,
  remedy: () => 'A clone maps its snapshot’s memory while it lives: stop those first',
});

export const snapshotDamaged = defineError({
  code: 3003,
  reason: 'snapshot-damaged',
  retryable: false,
  data: z.object({ snapshot: z.string(), file: z.string(), why: z.string() }),
  message: ({ snapshot, file, why }) => `${snapshot} is damaged: ${file} ${why}`,
  remedy: () => 'Delete it and take another one; clones already running may misbehave',
});

export const nicPresent = defineError({
  code: 3004,
  reason: 'nic-present',
  retryable: false,
  data: z.object({ vm: z.string(), nics: z.array(z.string()) }),
  message: ({ vm, nics }) =>
    `${vm} has a NIC (${nics.join(', ')}), so its snapshot would carry it into every clone`,
  remedy: () =>
    'Boot the source without a NIC; or ask for keepNics (for a strategy that wants the NIC inside) or strip (for clones without a network)',
});

export const fitnessUnknown = defineError({
  code: 3005,
  reason: 'fitness-unknown',
  retryable: false,
  data: z.object({ vm: z.string(), why: z.string() }),
  message: ({ vm, why }) => `Nobody knows whether a NIC would work in clones of ${vm}: ${why}`,
  remedy: () => 'Ask with verify: a throw-away clone then proves it',
});

export const notFit = defineError({
  code: 3006,
  reason: 'not-fit-for-strategy',
  retryable: false,
  data: z.object({ snapshot: z.string(), strategy: z.string(), why: z.string(), instead: z.string() }),
  message: ({ snapshot, strategy, why }) => `${snapshot} can't be restored with ${strategy}: ${why}`,
  remedy: ({ instead }) => instead,
});

export const incompatible = defineError({
  code: 3007,
  reason: 'incompatible',
  retryable: false,
  data: z.object({ snapshot: z.string(), problems: z.array(z.string()) }),
  message: ({ snapshot, problems }) => `${snapshot} does not fit this host: ${problems.join('; ')}`,
  remedy: () => 'Restore it with the Firecracker and CPU it was taken with, or take a new snapshot here',
});

export const driveNotPortable = defineError({
  code: 3008,
  reason: 'drive-not-portable',
  retryable: false,
  data: z.object({ vm: z.string(), drive: z.string(), path: z.string() }),
  message: ({ drive, path }) =>
    `The writable drive ${drive} lies at ${path}, where every clone would write to the same file`,
  remedy: () => 'Boot the source with `thaw boot`: its drives are then found through the VM’s folder',
});

export const snapshotIdTaken = defineError({
  code: 3009,
  reason: 'snapshot-id-taken',
  retryable: false,
  data: z.object({ snapshot: z.string(), by: z.string() }),
  message: ({ snapshot, by }) => `The snapshot id ${snapshot} is taken by ${by}`,
  remedy: () => 'Say "new" to have one made; an id names one snapshot for ever',
});

export const proofFailed = defineError({
  code: 3010,
  reason: 'proof-failed',
  retryable: false,
  data: z.object({ vm: z.string(), clone: z.string(), why: z.string() }),
  message: ({ vm, why }) =>
    `A throw-away clone of ${vm} was to prove that a NIC works in its clones, and failed: ${why}`,
  remedy: () => 'The timeline of the clone’s own operation shows each step; without verify no clone is made',
});
