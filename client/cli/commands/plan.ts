import type { ResultOf } from '../../../daemon/api/index.js';
import { defineCommand, firstWord } from '../command.js';
import { exit } from '../exit.js';
import { choiceOf, countOption, networkDetails, networkOptions, passedOverLines } from '../network-choice.js';
import type { Paint } from '../terminal.js';
import { clean } from '../text.js';

type Plan = ResultOf<'network.plan'>;

function nicWords({ id, network, address, mac, tap }: Plan['nics'][number]): string {
  const made = [
    `in ${network}`,
    address === null ? 'an address of its own' : address,
    mac === null ? 'a MAC of its own' : mac,
    tap === null ? 'a tap of its own' : `tap ${tap}`,
  ];
  return `${id}: ${made.join(', ')}`;
}

function lines(plan: Plan, paint: Paint): readonly string[] {
  return [
    `${paint('green', '✓')} ${plan.chosen}`,
    ...passedOverLines(plan).map((line) => `  ${paint('dim', line)}`),
    ...plan.nics.map((nic) => `  ${clean(nicWords(nic))}`),
    `  ${plan.steps.map(({ label }) => clean(label)).join(' → ')}`,
  ];
}

export const plan = defineCommand({
  name: 'plan',
  aliases: ['network plan'],
  summary:
    'How clones of a snapshot would get their network, and why not better; makes and reserves nothing.',
  positionals: [{ name: 'SNAPSHOT', completes: 'snapshot' }],
  options: {
    ...networkOptions,
    count: countOption,
  },
  details: [
    'Without --strategy the best is looked for, as with `thaw restore --strategy auto`.',
    networkDetails,
  ],
  examples: ['thaw plan base', 'thaw plan base --strategy recorded'],
  async run({ values, words }, cli) {
    const value = await cli.call('network.plan', {
      snapshot: firstWord(words),
      strategy: 'auto',
      ...choiceOf(values),
      ...(values.count === undefined ? {} : { count: values.count }),
    });
    cli.answer({ value, names: () => [value.chosen], lines: () => lines(value, cli.out.paint) });
    return exit.ok;
  },
});
