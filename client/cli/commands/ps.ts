import { defineCommand } from '../command.js';
import { exit } from '../exit.js';
import { table } from '../table.js';
import { vmColumns } from '../vm-view.js';

export const ps = defineCommand({
  name: 'ps',
  aliases: ['ls'],
  summary: 'List all VMs of the run directory, foreign ones too.',
  async run(_given, cli) {
    const value = await cli.call('vm.list', {});
    const oldestFirst = value.vms.toSorted((a, b) => a.createdAt - b.createdAt);
    cli.answer({
      value,
      names: () => value.vms.map((vm) => vm.id),
      lines: () =>
        table(vmColumns(Date.now()), oldestFirst, { width: cli.out.size().columns, paint: cli.out.paint }),
    });
    return exit.ok;
  },
});
