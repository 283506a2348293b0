import { defineCommand, firstWord } from '../command.js';
import { exit } from '../exit.js';
import { agentOf, agentOptions } from '../agent-options.js';
import { clean } from '../text.js';
import { readLabels } from '../values.js';
import { vmDone } from '../vm-view.js';

const positionals = [{ name: 'VM', completes: 'vm' }] as const;

export const adopt = defineCommand({
  name: 'adopt',
  summary: 'Take a VM that somebody else started under management: NICs, snapshots, stop.',
  positionals,
  options: {
    name: { type: 'text', value: 'NAME', summary: 'what to call it (else as its folder)' },
    ...agentOptions,
    'ready-timeout': {
      type: 'duration',
      value: 'TIME',
      min: 1,
      max: 3_600_000,
      summary: 'for the agent to answer (else 10s)',
    },
    label: { type: 'text', value: 'KEY=VALUE', multiple: true, summary: 'a label of your own' },
  },
  details: [
    'Its process is not touched. `thaw release` gives it back; how it ends is then not known to thaw.',
  ],
  async run({ values, words }, cli) {
    const value = await cli.call('vm.adopt', {
      vm: firstWord(words),
      ...(values.name === undefined ? {} : { name: values.name }),
      ...agentOf(values),
      ...(values['ready-timeout'] === undefined ? {} : { readyTimeout: values['ready-timeout'] }),
      labels: readLabels(values.label),
    });
    cli.answer({ value, names: () => [value.vm.id], lines: () => vmDone(value.vm, cli.out.paint) });
    return exit.ok;
  },
});

export const release = defineCommand({
  name: 'release',
  summary: 'Give an adopted VM back, untouched: it runs on and is only shown.',
  positionals,
  async run({ words }, cli) {
    const value = await cli.call('vm.release', { vm: firstWord(words) });
    cli.answer({
      value,
      names: () => [value.vm],
      lines: () => [`${cli.out.paint('green', '✓')} ${clean(value.vm)} is given back`],
    });
    return exit.ok;
  },
});
