import { resolve } from 'node:path';
import type { ResultOf } from '../../../daemon/api/index.js';
import { defineCommand, firstWord } from '../command.js';
import { exit } from '../exit.js';
import { partOptions, switchesOf } from '../parts.js';
import { table } from '../table.js';
import { clean } from '../text.js';
import { milliseconds } from '../units.js';

const positionals = [{ name: 'VM', completes: 'vm' }] as const;
export const timeout = {
  timeout: { type: 'duration', value: 'TIME', min: 1, max: 600_000, summary: 'for the agent to answer' },
} as const;

export const ping = defineCommand({
  name: 'ping',
  aliases: ['agent ping'],
  summary:
    'Ask the agent in the guest for a sign of life, over vsock. (`thaw check --ping` pings by network.)',
  positionals,
  options: timeout,
  async run({ values, words }, cli) {
    const value = await cli.call('agent.ping', {
      vm: firstWord(words),
      ...(values.timeout === undefined ? {} : { timeout: values.timeout }),
    });
    const { dialect, version } = value.agent;
    cli.answer({
      value,
      lines: () => [
        `${cli.out.paint('green', '✓')} ${clean(value.vm)} answered in ${milliseconds(value.milliseconds)}  ` +
          clean(`${dialect} ${version ?? ''}`).trimEnd(),
      ],
    });
    return exit.ok;
  },
});

export const upgrade = defineCommand({
  name: 'upgrade',
  aliases: ['agent upgrade'],
  summary:
    'Put a new agent, or another file, into a guest; a new agent must answer, or the old one comes back.',
  positionals: [{ name: 'VM', completes: 'vm' }, { name: 'FILE', completes: 'file' }, { name: 'PATH' }],
  options: {
    mode: { type: 'text', value: 'OCTAL', summary: 'its mode in the guest (else 755)' },
    restart: { type: 'text', value: 'COMMAND', summary: 'a command in the guest that starts the agent anew' },
    timeout: {
      type: 'duration',
      value: 'TIME',
      min: 1000,
      max: 600_000,
      summary: 'for the new agent to answer',
    },
  },
  examples: [
    'thaw upgrade web-1 ./50-app /etc/thaw/restore.d/50-app',
    'thaw upgrade web-1 ./qemu-ga /usr/sbin/qemu-ga --restart "systemctl restart thaw-agent"',
  ],
  async run({ values: { mode, restart, timeout: wait }, words }, cli) {
    const [vm = '', file = '', path = ''] = words;
    const value = await cli.watch('agent.upgrade', {
      ...{ vm, file: resolve(file), path },
      ...(mode === undefined ? {} : { mode }),
      ...(restart === undefined ? {} : { restart }),
      ...(wait === undefined ? {} : { seconds: Math.ceil(wait / 1000) }),
    });
    const said = clean(`${value.path} of ${value.vm}: ${value.bytes} bytes, SHA-256 ${value.sha256}`);
    cli.answer({ value, lines: () => [`${cli.out.paint('green', '✓')} ${said}`] });
    return exit.ok;
  },
});

type Part = readonly [string, ResultOf<'agent.update'>['update']['parts'][string]];

export const update = defineCommand({
  name: 'update',
  aliases: ['agent update'],
  summary: 'Tell the guest again who it is; idempotent. Shows the outcome of each part.',
  positionals,
  options: { ...timeout, ...partOptions },
  async run({ values, words }, cli) {
    const value = await cli.watch('agent.update', {
      vm: firstWord(words),
      ...switchesOf(values),
      ...(values.timeout === undefined ? {} : { timeout: values.timeout }),
    });
    const parts: readonly Part[] = Object.entries(value.update.parts);
    const failed = parts.some(([, outcome]) => outcome.is === 'failed');
    cli.answer({
      value,
      lines: () =>
        table<Part>(
          [
            { title: 'PART', cell: ([part]) => part },
            {
              title: 'OUTCOME',
              cell: ([, outcome]) => outcome.is,
              colour: ([, outcome]) => (outcome.is === 'failed' ? 'red' : null),
            },
            { title: 'REASON', cell: ([, outcome]) => outcome.reason ?? '', dropAt: 1 },
          ],
          parts,
          { width: cli.out.size().columns, paint: cli.out.paint },
        ),
    });
    return failed ? exit.failed : exit.ok;
  },
});
