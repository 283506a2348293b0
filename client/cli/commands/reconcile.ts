import type { Reconciled } from '../../../daemon/api/system.js';
import { defineCommand } from '../command.js';
import { exit } from '../exit.js';
import { clean } from '../text.js';
import type { Paint } from '../terminal.js';

const signs = { found: ['yellow', '!'], mended: ['green', '✓'], failed: ['red', '✗'] } as const;

function lines({ findings, skipped, dryRun }: Reconciled, paint: Paint): readonly string[] {
  const of = ({ vm, what, problem, repair, remedy, outcome, error }: Reconciled['findings'][number]) => {
    const [colour, sign] = signs[outcome];
    const then = {
      found: repair === null ? '' : ` (would ${repair})`,
      mended: ` (${repair ?? ''})`,
      failed: '',
    };
    return [
      `${paint(colour, sign)} ${clean(`${vm === null || vm === what ? '' : `${vm}: `}${what}: ${problem}${then[outcome]}`)}`,
      ...(error === null ? [] : [`  ${clean(error)}`]),
      ...(repair === null ? [`  → ${clean(remedy)}`] : []),
    ];
  };
  return [
    ...findings.flatMap(of),
    ...(findings.length === 0
      ? [`${paint('green', '✓')} all is as recorded${dryRun ? '' : ', nothing was done'}`]
      : []),
    ...(skipped.length === 0 ? [] : [`  left alone, being worked on: ${clean(skipped.join(', '))}`]),
  ];
}

export const reconcile = defineCommand({
  name: 'reconcile',
  summary: 'Compare records with what is there and mend what differs; the daemon does so by itself, too.',
  options: { 'dry-run': { type: 'flag', summary: 'only tell what would be mended' } },
  details: ['Exit code 1 where something could not be mended, or with --dry-run where anything differs.'],
  async run({ values }, cli) {
    const value = await cli.call('system.reconcile', { dryRun: values['dry-run'] });
    cli.answer({ value, lines: () => lines(value, cli.out.paint) });
    return value.findings.some(({ outcome }) => outcome !== 'mended') ? exit.failed : exit.ok;
  },
});
