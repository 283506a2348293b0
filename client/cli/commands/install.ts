import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Cli } from '../cli.js';
import { defineCommand } from '../command.js';
import { exit } from '../exit.js';
import { displace, place } from '../install/files.js';
import { usage } from '../usage.js';

const run = promisify(execFile);

const options = {
  prefix: { type: 'text', value: 'DIR', summary: 'where programs go; /usr/local by default' },
  root: {
    type: 'text',
    value: 'DIR',
    summary: 'another system’s root: only files are put there, nothing is started or stopped',
  },
} as const;

interface Where {
  readonly prefix: string | undefined;
  readonly root: string | undefined;
}

function target({ prefix = '/usr/local', root = '/' }: Where) {
  for (const path of [prefix, root]) if (!path.startsWith('/')) throw usage(`${path} is no absolute path`);
  const here = root === '/';
  // Another system has a Node of its own.
  return { root, prefix: prefix.replace(/\/+$/, ''), node: here ? process.execPath : '/usr/bin/node', here };
}

/** Tells this system's systemd; where none runs there is nothing to tell. */
async function tell(
  cli: Cli,
  here: boolean,
  calls: readonly (readonly [string, ...string[]])[],
): Promise<void> {
  if (!here || !existsSync('/run/systemd/system')) return;
  for (const [program, ...args] of calls) {
    cli.note([program, ...args].join(' '));
    await run(program, args);
  }
}

export const install = defineCommand({
  name: 'install',
  summary: 'Put programs, units, group and hooks of this build in place, and start the socket.',
  options,
  examples: [
    'thaw install',
    'thaw install --prefix /opt/thaw',
    'thaw install --prefix /usr --root /mnt/image',
  ],
  async run({ values }, cli) {
    const { here, ...to } = target(values);
    const files = await place(to);
    await tell(cli, here, [
      ['systemd-sysusers'],
      ['systemd-tmpfiles', '--create'],
      ['systemctl', 'daemon-reload'],
      ['systemctl', 'enable', '--now', 'thawd.socket'],
    ]);
    cli.answer({ value: { files }, lines: () => files, names: () => files });
    return exit.ok;
  },
});

export const uninstall = defineCommand({
  name: 'uninstall',
  summary: 'Take away what `thaw install` has put in place; VMs run on, snapshots and configuration stay.',
  options,
  async run({ values }, cli) {
    const { here, ...from } = target(values);
    await tell(cli, here, [
      ['systemctl', 'disable', '--now', 'thaw-metrics.socket', 'thawd.socket', 'thawd.service'],
    ]);
    const files = await displace(from);
    await tell(cli, here, [['systemctl', 'daemon-reload']]);
    cli.answer({ value: { files }, lines: () => files, names: () => files });
    return exit.ok;
  },
});
