import { ThawError } from '../../daemon/api/thaw-error.js';
import { commands } from './commands/index.js';
import { Context } from './context.js';
import { exit, type ExitCode, exitCodeOf } from './exit.js';
import { commandHelp, overview } from './help.js';
import { openInterrupts } from './interrupt.js';
import { type Globals, parse, type Parsed } from './parse.js';
import { openTerminal } from './terminal.js';
import { helpOf, usageIn } from './usage.js';
import { version } from './version.js';

const { env } = process;

function showHelp({ command, group, globals }: Parsed): ExitCode {
  const out = openTerminal(process.stdout, env, globals['no-color']);
  const look = { width: out.size().columns, paint: out.paint };
  if (globals.version) out.write(globals.json ? `${JSON.stringify({ version })}\n` : `thaw ${version}\n`);
  else out.write(command === null ? overview(commands, group, look) : commandHelp(command, look));
  return exit.ok;
}

async function run({
  command,
  given,
  globals,
}: Parsed & { command: NonNullable<Parsed['command']> }): Promise<ExitCode> {
  const interrupts = openInterrupts(() => {
    if (cli.doing === 'nothing') process.exit(exit.interrupted);
    if (cli.doing === 'following') return;
    cli.note(
      'Cancelling: the daemon undoes what it has begun. Ctrl-C again leaves at once, it goes on undoing.',
    );
  });
  const cli = new Context(globals, env, { commands, signal: interrupts.signal });
  try {
    return await command.run(given, cli);
  } catch (error) {
    cli.complain(usageIn(helpOf(command.name), error));
    const cancelled = error instanceof ThawError && error.reason === 'cancelled' && interrupts.signal.aborted;
    return cancelled ? exit.interrupted : exitCodeOf(error);
  } finally {
    await cli.close();
    interrupts.close();
  }
}

/** What stands on the command line counts even where the rest of it can't be read. */
function manners(args: readonly string[]): Globals {
  return {
    json: args.includes('--json'),
    quiet: false,
    'no-color': args.includes('--no-color'),
    socket: undefined,
    progress: undefined,
    help: false,
    version: false,
  };
}

async function main(args: readonly string[]): Promise<ExitCode> {
  let parsed: Parsed;
  try {
    parsed = parse(args, commands);
  } catch (error) {
    new Context(manners(args), env, { commands, signal: new AbortController().signal }).complain(error);
    return exitCodeOf(error);
  }
  const { command, globals } = parsed;
  if (globals.help || globals.version) return showHelp(parsed);
  if (command !== null) return await run({ ...parsed, command });
  showHelp(parsed);
  return exit.usage;
}

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever read has read enough (`thaw events | head`): no reason to complain, and nowhere to.
    process.exit(error.code === 'EPIPE' ? exit.pipeClosed : exit.failed);
  });
}
process.exitCode = await main(process.argv.slice(2));
