import { defineCommand } from '../command.js';
import { exit } from '../exit.js';
import { commandHelp, overview } from '../help.js';
import { parse } from '../parse.js';

export const help = defineCommand({
  name: 'help',
  summary: 'Show the help of thaw or of a command.',
  positionals: [{ name: 'COMMAND', optional: true, many: true, completes: 'command' }],
  run({ words }, cli) {
    const { command, group } = parse([...words, '--help'], cli.commands);
    const look = { width: cli.out.size().columns, paint: cli.out.paint };
    cli.out.write(command === null ? overview(cli.commands, group, look) : commandHelp(command, look));
    return Promise.resolve(exit.ok);
  },
});
