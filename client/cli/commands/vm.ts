import { defineCommand, firstWord } from '../command.js';
import { exit } from '../exit.js';
import { lookOf } from '../terminal.js';
import { vmDone, vmLines } from '../vm-view.js';

const positionals = [{ name: 'VM', completes: 'vm' }] as const;

export const show = defineCommand({
  name: 'show',
  summary: 'Show all that is known of a VM: state with its evidence, NICs, labels, warnings.',
  positionals,
  async run({ words }, cli) {
    const value = await cli.call('vm.get', { vm: firstWord(words) });
    cli.answer({
      value,
      names: () => [value.vm.id],
      lines: () => vmLines(value.vm, Date.now(), lookOf(cli.out)),
    });
    return exit.ok;
  },
});

export const pause = defineCommand({
  name: 'pause',
  summary: 'Pause a guest’s processors. Some versions of Firecracker then lose the agent: it says so.',
  positionals,
  async run({ words }, cli) {
    const value = await cli.call('vm.pause', { vm: firstWord(words) });
    for (const warning of value.warnings) cli.note(warning);
    cli.answer({ value, names: () => [value.vm.id], lines: () => vmDone(value.vm, cli.out.paint) });
    return exit.ok;
  },
});

export const resume = defineCommand({
  name: 'resume',
  summary: 'Let a paused guest run again; answers with what its agent then says.',
  positionals,
  async run({ words }, cli) {
    const value = await cli.call('vm.resume', { vm: firstWord(words) });
    for (const warning of value.vm.warnings) cli.note(warning);
    cli.answer({ value, names: () => [value.vm.id], lines: () => vmDone(value.vm, cli.out.paint) });
    return exit.ok;
  },
});
