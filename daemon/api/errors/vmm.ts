import { z } from 'zod';
import { defineError } from '../define.js';

// 2100–2199: the VMM process and its API.

export const vmmNotExecutable = defineError({
  code: 2101,
  reason: 'vmm-not-executable',
  retryable: false,
  data: z.object({ binary: z.string(), why: z.string() }),
  message: ({ binary, why }) => `Firecracker can't be started from ${binary}: ${why}`,
  remedy: () =>
    'Set "firecracker.binary" in the configuration to an executable Firecracker (1.16.1 or newer for hot-attach)',
});

export const vmmDied = defineError({
  code: 2102,
  reason: 'vmm-died',
  retryable: true,
  data: z.object({ vm: z.string(), during: z.string(), exit: z.string(), log: z.string() }),
  message: ({ vm, during, exit, log }) =>
    `The VMM of ${vm} ended during ${during} (${exit})${log === '' ? '' : `; it said: ${log}`}`,
  remedy: () => 'Nothing of the VM is left unless keepOnFailure was asked; the exit code and log say why',
});

export const vmmRefused = defineError({
  code: 2103,
  reason: 'vmm-refused',
  retryable: false,
  data: z.object({ vm: z.string(), call: z.string(), status: z.int(), fault: z.string() }),
  message: ({ call, status, fault }) => `Firecracker answered ${call} with ${status}: ${fault}`,
  remedy: () => 'The fault is Firecracker’s own word; `thaw doctor` checks the common causes',
});

export const vmmSilent = defineError({
  code: 2104,
  reason: 'vmm-silent',
  retryable: true,
  data: z.object({ vm: z.string(), call: z.string(), milliseconds: z.number() }),
  message: ({ call, milliseconds }) => `Firecracker did not answer ${call} within ${milliseconds} ms`,
  remedy: () => 'The host may be overloaded; the VMM was ended where its state could no longer be known',
});

export const vmmTooOld = defineError({
  code: 2105,
  reason: 'vmm-too-old',
  retryable: false,
  data: z.object({ version: z.string(), needed: z.string(), why: z.string() }),
  message: ({ version, needed, why }) => `Firecracker ${version} is too old: ${why} needs ${needed}`,
  remedy: ({ needed }) => `Install Firecracker ${needed} or newer`,
});

export const vsockPathTaken = defineError({
  code: 2106,
  reason: 'vsock-path-taken',
  retryable: false,
  data: z.object({ vm: z.string() }),
  message: ({ vm }) =>
    `The vsock socket that ${vm} wants exists already: another VM has it, or left it behind`,
  remedy: () =>
    'Give the source a relative vsock path (thaw boots VMs so), or use Firecracker 1.16 or newer, which takes another path for each clone',
});

export const vmmOutOfMemory = defineError({
  code: 2107,
  reason: 'vmm-out-of-memory',
  retryable: true,
  data: z.object({ vm: z.string(), during: z.string(), memoryMib: z.int().nullable(), log: z.string() }),
  message: ({ vm, during, memoryMib }) =>
    `The kernel ended the VMM of ${vm} during ${during}: it wanted more memory than its limit${memoryMib === null ? '' : ` of ${memoryMib} MiB`}`,
  remedy: () =>
    'Raise limits.memoryMib: it is for the guest’s memory and the VMM’s own together, some 32 MiB more than the guest has',
});
