import { parseArgs, type ParseArgsConfig } from 'node:util';
import type { Command, Given, Option, Options, Positional, Values } from './command.js';
import { globalOptions } from './globals.js';
import { didYouMean } from './near.js';
import { helpOf, usage, usageIn } from './usage.js';
import { readValue } from './values.js';

export type Globals = Values<typeof globalOptions>;

/** What a command line asks for. `command` is null where none is named, which is right only for help and version. */
export interface Parsed {
  readonly command: Command | null;
  /** The words before it was clear which command: a group like `snapshot`, or what help is wanted of. */
  readonly group: string | null;
  readonly globals: Globals;
  readonly given: Given;
}

function config(options: Options): NonNullable<ParseArgsConfig['options']> {
  return Object.fromEntries(
    Object.entries(options).map(([name, option]) => [
      name,
      {
        type: option.type === 'flag' ? ('boolean' as const) : ('string' as const),
        multiple: true,
        ...(option.short === undefined ? {} : { short: option.short }),
      },
    ]),
  );
}

const tokensOf = (args: readonly string[], options: Options) =>
  parseArgs({
    args: [...args],
    options: config(options),
    strict: false,
    allowPositionals: true,
    tokens: true,
  }).tokens;

/** Every way to call each command, by its words. */
function spellings(commands: readonly Command[]): ReadonlyMap<string, Command> {
  return new Map(
    commands.flatMap((command) => [command.name, ...(command.aliases ?? [])].map((name) => [name, command])),
  );
}

/** The command that the first words name, and how many words that took. @throws usage */
function findCommand(words: readonly string[], commands: readonly Command[]) {
  const known = spellings(commands);
  const [first, second] = words;
  if (first === undefined) return { command: null, used: 0, group: null };
  const two = second === undefined ? undefined : known.get(`${first} ${second}`);
  if (two !== undefined) return { command: two, used: 2, group: null };
  const one = known.get(first);
  if (one !== undefined) return { command: one, used: 1, group: null };
  const inGroup = [...known.keys()].filter((name) => name.startsWith(`${first} `));
  if (inGroup.length > 0) {
    if (second === undefined) return { command: null, used: 1, group: first };
    const seconds = inGroup.map((name) => name.slice(first.length + 1));
    throw usage(
      `There is no command "${first} ${second}"${didYouMean(second, seconds)}`,
      `See \`thaw ${first} --help\``,
    );
  }
  const visible = [...known].filter(([, command]) => command.hidden !== true);
  const firsts = [...new Set(visible.map(([name]) => name.split(' ')[0] ?? name))];
  throw usage(`There is no command "${first}"${didYouMean(first, firsts)}`);
}

function readOptions<O extends Options>(
  tokens: ReturnType<typeof tokensOf>,
  options: O,
  help: string,
): Values<O> {
  const values: Record<string, boolean | string | number | (string | number)[] | undefined> = {};
  for (const [name, option] of Object.entries(options)) {
    values[name] = option.type === 'flag' ? false : option.multiple ? [] : undefined;
  }
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const option: Option | undefined = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) {
      const near = token.rawName.startsWith('--')
        ? didYouMean(
            token.rawName,
            Object.keys(options).map((o) => `--${o}`),
          )
        : '';
      throw usage(`There is no option ${token.rawName}${near}`, help);
    }
    const value = readOption(token, option, help);
    const before = values[token.name];
    if (Array.isArray(before) && typeof value !== 'boolean') before.push(value);
    else if (typeof before === 'string' || typeof before === 'number') {
      throw usage(`--${token.name} is given twice`, help);
    } else values[token.name] = value;
  }
  // The one place where the table's types are given to what was read by the same table.
  return values as unknown as Values<O>;
}

function readOption(
  token: { name: string; value: string | undefined; inlineValue: boolean | undefined },
  option: Option,
  help: string,
): boolean | string | number {
  const { name, value } = token;
  if (option.type === 'flag') {
    if (value !== undefined) throw usage(`--${name} takes no value`, help);
    return true;
  }
  if (value === undefined) throw usage(`--${name} needs a value: ${option.value}`, help);
  if (token.inlineValue !== true && value.length > 1 && value.startsWith('-')) {
    throw usage(
      `--${name} needs a value, and ${value} looks like an option`,
      `If it is the value, write --${name}=${value}`,
    );
  }
  try {
    return readValue(name, option, value);
  } catch (error) {
    throw usageIn(help, error);
  }
}

function checkWords(words: readonly string[], command: Command, help: string): void {
  const wanted: readonly Positional[] = command.positionals ?? [];
  const missing = wanted.find(
    (positional, index) => positional.optional !== true && words[index] === undefined,
  );
  if (missing !== undefined) throw usage(`\`thaw ${command.name}\` needs ${missing.name}`, help);
  const extra = words[wanted.length];
  if (extra !== undefined && wanted.at(-1)?.many !== true) {
    throw usage(`\`thaw ${command.name}\`: one word too many: ${extra}`, help);
  }
}

/** Reads a command line against the table of commands. @throws usage, naming what was probably meant */
export function parse(args: readonly string[], commands: readonly Command[]): Parsed {
  // What stands before the command can only be an option of every command, so these tell where the command is.
  const leading = tokensOf(args, globalOptions).flatMap((token) =>
    token.kind === 'positional' ? [token.value] : [],
  );
  const { command, used, group } = findCommand(leading, commands);
  const options: Options = { ...globalOptions, ...command?.options };
  const help = helpOf(command?.name ?? null);
  const tokens = tokensOf(args, options);
  const values = readOptions(tokens, options, help);
  const globals = readOptions(
    tokens.filter((token) => token.kind === 'option' && Object.hasOwn(globalOptions, token.name)),
    globalOptions,
    help,
  );
  const words = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : [])).slice(used);
  if (command !== null && !globals.help && !globals.version) checkWords(words, command, help);
  return { command, group, globals, given: { values, words } };
}
