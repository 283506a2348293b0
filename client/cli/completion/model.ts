import type { Command, Completes, Options } from '../command.js';
import { globalOptions } from '../globals.js';

/** An option as completion scripts see it. */
export interface OptionWord {
  readonly long: string;
  readonly short: string | null;
  readonly summary: string;
  readonly takesValue: boolean;
  readonly completes: Completes | null;
}

/** A place in the tree of commands: nothing typed yet, a group like `snapshot`, or a command. */
export interface Node {
  /** The words typed so far, e.g. `snapshot create`. */
  readonly path: string;
  /** Words that lead on from here. */
  readonly words: readonly { readonly word: string; readonly summary: string }[];
  readonly options: readonly OptionWord[];
  /** What completes each word after the command; the last one stands for all that follow where `many`. */
  readonly positionals: readonly (Completes | null)[];
  readonly many: boolean;
}

const optionWords = (options: Options): readonly OptionWord[] =>
  Object.entries(options).map(([name, option]) => ({
    long: name,
    short: option.short ?? null,
    summary: option.summary,
    takesValue: option.type !== 'flag',
    completes: option.type === 'flag' ? null : (option.completes ?? null),
  }));

/** The tree of commands that scripts are made from; hidden commands and other spellings are not offered. */
export function nodesOf(commands: readonly Command[]): readonly Node[] {
  const visible = commands.filter((command) => command.hidden !== true);
  const groups = [
    ...new Set(visible.flatMap(({ name }) => (name.includes(' ') ? [name.split(' ')[0] ?? name] : []))),
  ];
  const globals = optionWords(globalOptions);
  const inside = (path: string): Node => ({
    path,
    words: wordsAfter(path, visible),
    options: globals,
    positionals: [],
    many: false,
  });
  return [
    inside(''),
    ...groups.map(inside),
    ...visible.map((command) => ({
      path: command.name,
      words: [],
      options: [...optionWords(command.options ?? {}), ...globals],
      positionals: (command.positionals ?? []).map(({ completes }) =>
        completes === 'command'
          ? visible.map(({ name }) => name).filter((name) => !name.includes(' '))
          : (completes ?? null),
      ),
      many: command.positionals?.at(-1)?.many === true,
    })),
  ];
}

function wordsAfter(path: string, commands: readonly Command[]): Node['words'] {
  const prefix = path === '' ? '' : `${path} `;
  const words = new Map<string, string>();
  for (const { name, summary } of commands) {
    if (!name.startsWith(prefix)) continue;
    const [word = '', more] = name.slice(prefix.length).split(' ');
    const group = more !== undefined;
    if (group) words.set(word, [words.get(word), more].filter((known) => known !== undefined).join(', '));
    else words.set(word, summary);
  }
  return [...words].map(([word, summary]) => ({ word, summary }));
}

/** The groups among the paths: words after which another one belongs to the command. */
export const groupsOf = (nodes: readonly Node[]): readonly string[] =>
  nodes.filter((node) => node.path !== '' && node.words.length > 0).map((node) => node.path);

/** All spellings of options that take a value, of any command. */
export function valued(nodes: readonly Node[]): readonly string[] {
  const spelt = nodes.flatMap((node) =>
    node.options
      .filter((option) => option.takesValue)
      .flatMap((option) => [`--${option.long}`, ...(option.short === null ? [] : [`-${option.short}`])]),
  );
  return [...new Set(spelt)];
}

/** Every case "this command, this word to complete" with what completes it, as `{pattern, completes}`. */
export function cases(nodes: readonly Node[], key: 'option' | 'positional') {
  return nodes.flatMap((node): { at: string; completes: Completes }[] => {
    if (key === 'option') {
      return node.options.flatMap(({ long, short, takesValue, completes }) =>
        takesValue
          ? [`--${long}`, ...(short === null ? [] : [`-${short}`])].map((word) => ({
              at: `${node.path} ${word}`,
              completes: completes ?? [],
            }))
          : [],
      );
    }
    return node.positionals.flatMap((completes, index) =>
      completes === null ? [] : [{ at: `${node.path} ${index}`, completes }],
    );
  });
}
