import type { ResultOf } from '../../../daemon/api/index.js';
import { defineCommand, firstWord } from '../command.js';
import { exit } from '../exit.js';
import { partOptions, switchesOf } from '../parts.js';
import { table } from '../table.js';
import { clean } from '../text.js';
import { milliseconds } from '../units.js';

const positionals = [{ name: 'VM', completes: 'vm' }] as const;
const timeout = {
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
