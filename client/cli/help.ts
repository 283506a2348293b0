import type { Command, Option, Options, Positional } from './command.js';
import { exitMeanings } from './exit.js';
import { globalOptions } from './globals.js';
import type { Look } from './terminal.js';
import { pad, wrap } from './text.js';

function positionalWord({ name, optional, many }: Positional): string {
  const word = many === true ? `${name}…` : name;
  return optional === true ? `[${word}]` : word;
}

/** `restore SNAPSHOT [options]`. */
export function synopsis(command: Command): string {
  const words = (command.positionals ?? []).map(positionalWord);
  return [
    command.name,
    ...words,
    ...(Object.keys(command.options ?? {}).length > 0 ? ['[options]'] : []),
  ].join(' ');
}

function optionWord(name: string, option: Option): string {
  const short = option.short === undefined ? '    ' : `-${option.short}, `;
  const repeated = option.type !== 'flag' && option.multiple === true ? '…' : '';
  return `${short}--${name}${option.type === 'flag' ? '' : ` ${option.value}${repeated}`}`;
}

/** Two columns, the right one wrapped; a left one that is too long has a line of its own. */
function pairs(rows: readonly (readonly [string, string])[], look: Look): readonly string[] {
  const left = Math.min(26, Math.max(...rows.map(([word]) => word.length)));
  const room = Math.max(20, look.width - left - 4);
  return rows.flatMap(([word, meaning]) => {
    const [first = '', ...more] = wrap(meaning, room);
    const rest = more.map((line) => ' '.repeat(left + 4) + line);
    return word.length > left
      ? [`  ${word}`, ' '.repeat(left + 4) + first, ...rest]
      : [`  ${pad(word, left)}  ${first}`, ...rest];
  });
}

const optionRows = (options: Options): readonly (readonly [string, string])[] =>
  Object.entries(options).map(([name, option]) => [optionWord(name, option), option.summary]);

function section(title: string, lines: readonly string[], look: Look): readonly string[] {
  return lines.length === 0 ? [] : ['', look.paint('bold', title), ...lines];
}

const bounded = (look: Look): Look => ({ ...look, width: Math.min(look.width, 100) });

/** The help of one command. */
export function commandHelp(command: Command, wide: Look): string {
  const look = bounded(wide);
  const lines = [
    `${look.paint('bold', 'thaw')} ${synopsis(command)}`,
    '',
    ...wrap(command.summary, look.width),
    ...(command.details ?? []).flatMap((paragraph) => ['', ...wrap(paragraph, look.width)]),
    ...section(
      'Options',
      Object.keys(command.options ?? {}).length > 0 ? pairs(optionRows(command.options ?? {}), look) : [],
      look,
    ),
    ...section('Options of every command', pairs(optionRows(globalOptions), look), look),
    ...section(
      'Examples',
      (command.examples ?? []).map((line) => `  ${line}`),
      look,
    ),
    ...section(
      'Also called',
      (command.aliases ?? []).map((alias) => `  thaw ${alias}`),
      look,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

/** The help of thaw, or of a group of commands such as `snapshot`. */
export function overview(commands: readonly Command[], group: string | null, wide: Look): string {
  const look = bounded(wide);
  const listed = commands.filter(
    (command) => command.hidden !== true && (group === null || command.name.startsWith(`${group} `)),
  );
  const rows = listed.map(
    (command) => [synopsis(command).replace(' [options]', ''), command.summary] as const,
  );
  const lines = [
    `${look.paint('bold', 'thaw')}${group === null ? '' : ` ${group}`} COMMAND [options]`,
    ...(group === null
      ? [
          '',
          ...wrap(
            'Restores snapshots of Firecracker microVMs as networked, correctly identified machines.',
            look.width,
          ),
        ]
      : []),
    ...section('Commands', pairs(rows, look), look),
    ...section('Options of every command', pairs(optionRows(globalOptions), look), look),
    ...(group === null
      ? section(
          'Exit codes',
          pairs(
            exitMeanings.map(([code, meaning]) => [String(code), meaning]),
            look,
          ),
          look,
        )
      : []),
    '',
    'thaw COMMAND --help tells more of a command.',
  ];
  return `${lines.join('\n')}\n`;
}
