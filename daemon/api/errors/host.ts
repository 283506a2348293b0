import { z } from 'zod';
import { defineError } from '../define.js';

// 1100–1199: the host and its files.

export const pathNotAllowed = defineError({
  code: 1101,
  reason: 'path-not-allowed',
  retryable: false,
  data: z.object({ path: z.string(), why: z.string() }),
  message: ({ path, why }) => `${path} may not be used: ${why}`,
  remedy: () =>
    'Whoever is not root names only files beneath the "roots" of the configuration, without symbolic links',
});

export const fileMissing = defineError({
  code: 1102,
  reason: 'file-missing',
  retryable: false,
  data: z.object({ path: z.string(), what: z.string(), why: z.string() }),
  message: ({ path, what, why }) => `The ${what} ${path} can't be read: ${why}`,
  remedy: ({ what }) => `Give the absolute path of a readable ${what}`,
});

export const diskFull = defineError({
  code: 1103,
  reason: 'disk-full',
  retryable: true,
  data: z.object({ path: z.string() }),
  message: ({ path }) => `No space is left at ${path}`,
  remedy: () =>
    'Delete snapshots or VMs that are no longer wanted, or enlarge the file system; nothing was kept',
});

export const fileReplaced = defineError({
  code: 1117,
  reason: 'file-replaced',
  retryable: false,
  data: z.object({ path: z.string(), why: z.string() }),
  message: ({ path, why }) => `${path} is not the file that it was: ${why}`,
  remedy: ({ path }) => `Put back the file that was at ${path}, or boot and take a snapshot with the new one`,
});

export const anotherDaemon = defineError({
  code: 1104,
  reason: 'another-daemon',
  retryable: false,
  data: z.object({ dir: z.string() }),
  message: ({ dir }) => `Another thawd holds ${dir}`,
  remedy: () => 'Stop it first, or give this one other directories with --config',
});

export const configInvalid = defineError({
  code: 1105,
  reason: 'config-invalid',
  retryable: false,
  data: z.object({ path: z.string(), problems: z.string() }),
  message: ({ path, problems }) => `The configuration ${path} can't be used: ${problems}`,
  remedy: () => 'README lists every key with its meaning and default',
});

export const systemCallFailed = defineError({
  code: 1106,
  reason: 'system-call-failed',
  retryable: false,
  data: z.object({ what: z.string(), errno: z.string() }),
  message: ({ what, errno }) => `${what} failed: ${errno}`,
  remedy: ({ errno }) =>
    errno === 'EPERM'
      ? 'thawd must run as root, or with CAP_NET_ADMIN'
      : '`thaw doctor` checks what the host lacks',
});

export const toolMissing = defineError({
  code: 1107,
  reason: 'tool-missing',
  retryable: false,
  data: z.object({ tool: z.string(), debianPackage: z.string() }),
  message: ({ tool }) => `The program "${tool}" is not on this host`,
  remedy: ({ debianPackage }) => `Install it, on Debian: apt-get install ${debianPackage}`,
});

export const toolFailed = defineError({
  code: 1108,
  reason: 'tool-failed',
  retryable: false,
  data: z.object({ tool: z.string(), said: z.string() }),
  message: ({ tool, said }) => `${tool} failed: ${said}`,
  remedy: () => '`thaw doctor` checks what the host lacks',
});

export const socketPathTooLong = defineError({
  code: 1109,
  reason: 'socket-path-too-long',
  retryable: false,
  data: z.object({ path: z.string() }),
  message: ({ path }) => `${path} is longer than the 107 bytes the kernel allows for a socket's path`,
  remedy: () => 'Configure a shorter directory',
});

export const recordUnusable = defineError({
  code: 1110,
  reason: 'record-unusable',
  retryable: false,
  data: z.object({ path: z.string(), why: z.string() }),
  message: ({ path, why }) => `The record ${path} can't be used: ${why}`,
  remedy: () =>
    'It is kept beside the others, as `….unusable`; a newer thawd may be able to read it. What it was of is listed as foreign while it lives',
});

export const pluginRefused = defineError({
  code: 1111,
  reason: 'plugin-refused',
  retryable: false,
  data: z.object({ plugin: z.string(), why: z.string() }),
  message: ({ plugin, why }) => `The plugin ${plugin} can't be used: ${why}`,
  remedy: () => 'Correct it, or take it out of the configuration',
});

export const cgroupsUnavailable = defineError({
  code: 1112,
  reason: 'cgroups-unavailable',
  retryable: false,
  data: z.object({ parent: z.string(), why: z.string() }),
  message: ({ parent, why }) => `VMs can't be given limits beneath ${parent}: ${why}`,
  remedy: () =>
    'Boot the host with cgroup v2 (systemd.unified_cgroup_hierarchy=1), name a folder of it as "cgroups.parent", or ask for no limits',
});

export const vetoed = defineError({
  code: 1113,
  reason: 'vetoed',
  retryable: false,
  data: z.object({ plugin: z.string(), vm: z.string(), why: z.string() }),
  message: ({ plugin, vm, why }) => `The plugin ${plugin} does not allow ${vm}: ${why}`,
  remedy: ({ plugin }) => `Ask for what it allows, or take ${plugin} out of "plugins.paths"`,
});

export const hookLate = defineError({
  code: 1114,
  reason: 'hook-late',
  retryable: true,
  data: z.object({ plugin: z.string(), vm: z.string(), milliseconds: z.number() }),
  message: ({ plugin, vm, milliseconds }) =>
    `The plugin ${plugin} did not say within ${milliseconds} ms whether it allows ${vm}`,
  remedy: ({ plugin }) => `See in the log what ${plugin} waits for, or take it out of "plugins.paths"`,
});

export const handedRefused = defineError({
  code: 1130,
  reason: 'handed-socket-refused',
  retryable: false,
  data: z.object({ name: z.string(), why: z.string() }),
  message: ({ name, why }) => `The socket "${name}" that systemd hands over can't be used: ${why}`,
  remedy: () =>
    'Correct the socket unit (`systemctl cat thawd.socket thaw-metrics.socket`), then `systemctl daemon-reload` and restart it',
});

export const unitRefused = defineError({
  code: 1120,
  reason: 'unit-refused',
  retryable: true,
  data: z.object({ unit: z.string(), why: z.string() }),
  message: ({ unit, why }) => `systemd did not start ${unit}: ${why}`,
  remedy: () =>
    '`journalctl --boot` has its reason; without --slice thawd starts VMMs itself, in its own control group and sandbox',
});
