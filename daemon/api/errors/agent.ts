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
    'Does an agent of the VM’s dialect listen where the VM says? README tells how to prepare a guest',
});

export const noAgent = defineError({
  code: 3202,
  reason: 'no-agent',
  retryable: false,
  data: z.object({ vm: z.string() }),
  message: ({ vm }) => `${vm} was booted without an agent or without a vsock`,
  remedy: () => 'Boot the source with both; without them nobody can confirm anything of the guest',
});

const writable =
  'Give the guest a writable /etc (an overlay, a tmpfs), or switch the part off: --without, or guest.parts in the configuration';

/** What to do about a part that failed, by its name. */
const remedies: Readonly<Record<string, string>> = {
  network: 'Compare the guest’s kernel and programs with what README asks for under “Guests”',
  hostname: writable,
  'machine-id': writable,
  randomness:
    '`thaw guest prepare` puts a program for it into the image; or take a kernel from 5.18 on with CONFIG_VMGENID',
  'ssh-host-keys': 'Install OpenSSH’s server in the guest, leave the part randomness on, or do without',
  scripts:
    'Mend the script in the guest’s /etc/thaw/restore.d; what it said is in /run/thaw/restore.log there',
};

export const updateFailed = defineError({
  code: 3203,
  reason: 'update-failed',
  retryable: false,
  data: z.object({ vm: z.string(), part: z.string(), why: z.string() }),
  message: ({ vm, part, why }) => `The guest of ${vm} could not update its ${part}: ${why}`,
  remedy: ({ part }) =>
    remedies[part] ?? 'The guest’s own words are above; `thaw timeline` shows every part’s outcome',
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
  remedy: () => 'Check that the port belongs to an agent of the VM’s dialect, and its version',
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

export const agentCommandOff = defineError({
  code: 3207,
  reason: 'agent-command-off',
  retryable: false,
  data: z.object({ vm: z.string(), command: z.string() }),
  message: ({ vm, command }) => `The agent of ${vm} is told not to carry out ${command}`,
  remedy: () =>
    'Distributions switch it off: in the guest, take it from block-rpcs in /etc/qemu/qemu-ga.conf (older ones: blacklist; ' +
    'Red Hat’s: FILTER_RPC_ARGS in /etc/sysconfig/qemu-ga) and start qemu-ga again, or use the service of `thaw guest prepare`',
});

export const agentLacks = defineError({
  code: 3209,
  reason: 'agent-lacks',
  retryable: false,
  data: z.object({ vm: z.string(), dialect: z.string(), what: z.string() }),
  message: ({ vm, dialect, what }) => `The agent of ${vm} speaks ${dialect}, which knows nothing of ${what}`,
  remedy: () => 'Use the dialect qemu-ga for it',
});

export const upgradeFailed = defineError({
  code: 3210,
  reason: 'upgrade-failed',
  retryable: false,
  data: z.object({ vm: z.string(), path: z.string(), why: z.string() }),
  message: ({ vm, path, why }) => `${path} of the guest of ${vm} was not replaced: ${why}`,
  remedy: () =>
    'Try file, command and room on the disk in a clone first; the old file is put back by the guest itself',
});

export const agentHttpRefused = defineError({
  code: 3208,
  reason: 'agent-http-refused',
  retryable: false,
  data: z.object({ vm: z.string(), request: z.string(), status: z.int(), said: z.string() }),
  message: ({ vm, request, status, said }) =>
    `The agent of ${vm} answered ${request} with status ${status}: ${said}`,
  remedy: ({ status }) =>
    status === 401 || status === 403
      ? 'Give thawd the agent’s token: plugins.settings.http.token in its configuration'
      : 'README tells what an agent of the dialect http serves: GET /health, PUT /config, PUT /detach',
});
