import type { Explanation } from '../../explanation.js';
import { defineCommand } from '../command.js';
import { exit } from '../exit.js';
import { didYouMean } from '../near.js';
import { table } from '../table.js';
import type { Look } from '../terminal.js';
import { wrap } from '../text.js';
import { usage } from '../usage.js';

function lines({ code, reason, retryable, message, remedy, methods }: Explanation, look: Look): string[] {
  const inside = (text: string): readonly string[] =>
    wrap(text, Math.max(20, look.width - 4)).map((line) => `    ${line}`);
  return [
    `${look.paint('bold', reason)}  (code ${code})`,
    ...inside(`${message}.`).map((line) => line.slice(2)),
    ...inside(`${remedy}.`).map((line, n) => (n === 0 ? `  → ${line.trimStart()}` : line)),
    retryable
      ? '  The same call may succeed later.'
      : '  The same call fails again until something is changed.',
    ...(methods.length === 0
      ? []
      : wrap(`Methods: ${methods.join(', ')}`, look.width - 2).map((line) => `  ${line}`)),
  ];
}

export const explain = defineCommand({
  name: 'explain',
  summary: 'Tell what an error means and what to do about it, by its reason or code; without one, list them.',
  positionals: [{ name: 'REASON', optional: true }],
  details: [
    'The reason is what programs and logs show, e.g. `tap-busy`. Words in braces stand for names and numbers.',
  ],
  examples: ['thaw explain nic-after-unplug', 'thaw explain 3105'],
  async run({ words: [word] }, cli) {
    // Not with every start: it is long.
    const { explanations } = await import('../../errors.gen.js');
    const { columns: width } = cli.out.size();
    const look = { width, paint: cli.out.paint };
    if (word === undefined) {
      cli.answer({
        value: { errors: explanations },
        names: () => explanations.map(({ reason }) => reason),
        lines: () =>
          table<Explanation>(
            [
              { title: 'REASON', cell: ({ reason }) => reason },
              { title: 'WHAT', cell: ({ message }) => message },
            ],
            explanations,
            look,
          ),
      });
      return exit.ok;
    }
    const found = explanations.find(({ reason, code }) => reason === word || String(code) === word);
    if (!found) {
      const reasons = explanations.map(({ reason }) => reason);
      throw usage(`There is no error ${word}${didYouMean(word, reasons)}`, '`thaw explain` lists them');
    }
    cli.answer({ value: found, names: () => [found.reason], lines: () => lines(found, look) });
    return exit.ok;
  },
});
