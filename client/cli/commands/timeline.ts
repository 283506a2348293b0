import { defineCommand, firstWord } from '../command.js';
import { exit } from '../exit.js';
import { commonScale, waterfall } from '../waterfall.js';

/** Columns where nobody can tell how wide the reader is. */
const pagedWidth = 100;

export const timeline = defineCommand({
  name: 'timeline',
  summary: 'Show what was done to a VM and how long each step took; failed operations too.',
  positionals: [{ name: 'VM|OPERATION', completes: 'vm' }],
  options: {
    effects: {
      type: 'flag',
      summary: 'also every touch of the outside beneath its step, and what steps answered',
    },
    last: { type: 'int', short: 'n', value: 'N', min: 1, max: 10_000, summary: 'the last N operations only' },
    'one-scale': { type: 'flag', summary: 'one scale for all operations, so that their bars compare' },
    ascii: { type: 'flag', summary: 'no characters beyond ASCII' },
    width: {
      type: 'int',
      value: 'COLUMNS',
      min: 20,
      max: 1000,
      summary: 'how wide (else the terminal, or 100)',
    },
  },
  examples: ['thaw timeline web-1', 'thaw timeline op-4x1b7c09qd --effects'],
  async run({ values, words }, cli) {
    const which = firstWord(words);
    const value = await cli.call(
      'vm.timeline',
      which.startsWith('op-') ? { operation: which } : { vm: which },
    );
    const timelines = values.last === undefined ? value.timelines : value.timelines.slice(-values.last);
    const { columns } = cli.out.size();
    const look = {
      width: values.width ?? (columns === Infinity ? pagedWidth : columns),
      unicode: cli.out.unicode && !values.ascii,
      effects: values.effects,
      paint: cli.out.paint,
      ...(values['one-scale'] ? { scale: commonScale(timelines) } : {}),
    };
    cli.answer({
      value: { timelines },
      names: () => timelines.map((one) => one.operation),
      lines: () => timelines.flatMap((one, index) => [...(index === 0 ? [] : ['']), ...waterfall(one, look)]),
    });
    return exit.ok;
  },
});
