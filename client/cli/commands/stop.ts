import { defineCommand } from '../command.js';
import { exitCodeOfMany } from '../exit.js';
import { faultValue } from '../fault.js';
import { clean } from '../text.js';
import { usage } from '../usage.js';

export const stop = defineCommand({
  name: 'stop',
  summary: 'End VMs and free all they held; what is under way is aborted and undone first.',
  positionals: [{ name: 'VM', optional: true, many: true, completes: 'vm' }],
  options: { all: { type: 'flag', summary: 'all VMs but the foreign ones' } },
  examples: ['thaw stop web-1 web-2', 'thaw stop --all'],
  async run({ values, words }, cli) {
    if (values.all === words.length > 0) throw usage('Name VMs, or give --all', 'See `thaw stop --help`');
    const wanted = values.all
      ? (await cli.call('vm.list', {})).vms.filter((vm) => vm.origin !== 'foreign')
      : [...new Set(words)].map((word) => ({ id: word, name: word }));
    const outcomes = await Promise.allSettled(wanted.map(({ id }) => cli.call('vm.stop', { vm: id })));
    const names = wanted.flatMap(({ name }, n) => (outcomes[n]?.status === 'fulfilled' ? [name] : []));
    const stopped = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value.vm] : []));
    const failed = outcomes.flatMap((outcome, index) =>
      outcome.status === 'rejected'
        ? [{ vm: wanted[index]?.name ?? '', error: outcome.reason as unknown }]
        : [],
    );
    cli.answer({
      value: { stopped, failed: failed.map(({ vm, error }) => ({ vm, error: faultValue(error) })) },
      names: () => stopped,
      lines: () => names.map((name) => `${cli.out.paint('green', '✓')} ${clean(name)} stopped`),
    });
    for (const { vm, error } of failed) cli.complain(error, failed.length > 1 ? vm : undefined);
    return exitCodeOfMany(
      failed.map(({ error }) => error),
      wanted.length,
    );
  },
});
