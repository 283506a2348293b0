import { z } from 'zod';
import { defineError } from '../define.js';

// 2000–2099: VMs.

export const vmUnknown = defineError({
  code: 2001,
  reason: 'vm-unknown',
  retryable: false,
  data: z.object({ vm: z.string() }),
  message: ({ vm }) => `There is no VM ${vm}`,
  remedy: () => '`thaw ps` lists the VMs',
});

export const nameTaken = defineError({
  code: 2002,
  reason: 'name-taken',
  retryable: false,
  data: z.object({ name: z.string(), by: z.string() }),
  message: ({ name, by }) => `The name ${name} belongs to ${by}`,
  remedy: () => 'Choose another name, or none to have one made',
});

export const vmBusy = defineError({
  code: 2003,
  reason: 'vm-busy',
  retryable: true,
  data: z.object({ vm: z.string(), method: z.string(), by: z.string() }),
  message: ({ vm, method, by }) => `${vm} is in the middle of ${method} (${by})`,
  remedy: () => 'Call again when that is done; vm.stop aborts it',
});

export const vmForeign = defineError({
  code: 2004,
  reason: 'vm-foreign',
  retryable: false,
  data: z.object({ vm: z.string() }),
  message: ({ vm }) => `${vm} belongs to somebody else: thaw only shows it`,
  remedy: () => 'Change it with the program that started it',
});

export const operationUnknown = defineError({
  code: 2005,
  reason: 'operation-unknown',
  retryable: false,
  data: z.object({ operation: z.string() }),
  message: ({ operation }) => `There is no operation ${operation}, or it is too long ago`,
  remedy: () => 'Ask by VM instead',
});

export const vmEnded = defineError({
  code: 2006,
  reason: 'vm-ended',
  retryable: false,
  data: z.object({ vm: z.string() }),
  message: ({ vm }) => `The VMM of ${vm} has ended`,
  remedy: () => 'Stop it to free its name, and restore or boot another',
});

export const undoFailed = defineError({
  code: 2007,
  reason: 'undo-failed',
  retryable: true,
  data: z.object({ vm: z.string(), steps: z.array(z.string()) }),
  message: ({ vm, steps }) => `Of ${vm} these could not be freed: ${steps.join(', ')}`,
  remedy: ({ vm }) => `Mend the cause (it is in the log), then \`thaw stop ${vm}\` tries again`,
});

export const driveInUse = defineError({
  code: 2008,
  reason: 'drive-in-use',
  retryable: false,
  data: z.object({ path: z.string(), by: z.string() }),
  message: ({ path, by }) => `${path} is the writable drive of ${by}: two VMs writing to one file destroy it`,
  remedy: () =>
    'Give each VM a file of its own, mark the drive read-only, or restore clones: each gets its own copy',
});

export const noRoom = defineError({
  code: 2009,
  reason: 'no-room',
  retryable: true,
  data: z.object({ limit: z.string(), most: z.int(), used: z.int(), wanted: z.int() }),
  message: ({ limit, most, used, wanted }) =>
    `limits.${limit} is ${most}, ${used} of it is used, and ${wanted} more was asked for`,
  remedy: ({ limit }) => `Call again when a VM was stopped, or raise limits.${limit} in the configuration`,
});

export const notAdoptable = defineError({
  code: 2010,
  reason: 'not-adoptable',
  retryable: false,
  data: z.object({ vm: z.string(), why: z.string() }),
  message: ({ vm, why }) => `${vm} can't be taken under thaw's management: ${why}`,
  remedy: () => 'It goes on as it was; manage it with the program that started it',
});

export const vmOurs = defineError({
  code: 2011,
  reason: 'vm-ours',
  retryable: false,
  data: z.object({ vm: z.string() }),
  message: ({ vm }) => `${vm} is managed by thaw already`,
  remedy: ({ vm }) => `\`thaw show ${vm}\` shows it`,
});

export const notAdopted = defineError({
  code: 2012,
  reason: 'not-adopted',
  retryable: false,
  data: z.object({ vm: z.string() }),
  message: ({ vm }) => `${vm} was made by thaw: there is nobody to give it back to`,
  remedy: ({ vm }) => `\`thaw stop ${vm}\` ends it`,
});

export const holdsNics = defineError({
  code: 2013,
  reason: 'holds-nics',
  retryable: false,
  data: z.object({ vm: z.string(), nics: z.array(z.string()) }),
  message: ({ vm, nics }) => `${vm} has NICs of thaw's: ${nics.join(', ')}`,
  remedy: () => 'Detach them first, which ends its hot-plugging for good, or stop the VM',
});
