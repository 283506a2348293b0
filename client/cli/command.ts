import type { Cli } from './cli.js';
import type { ExitCode } from './exit.js';

/** What a shell can offer for a value; a list of words, or something that the daemon or the file system knows. */
export type Completes = 'vm' | 'snapshot' | 'network' | 'file' | 'command' | readonly string[];

interface OptionBase {
  readonly summary: string;
  /** One letter. */
  readonly short?: string;
}

/** Given or not. */
export interface Flag extends OptionBase {
  readonly type: 'flag';
}

/** `int` and `text` as they are; `duration` in milliseconds (`30s`, `500ms`, `2m`), `mebibytes` in MiB (`512`, `2G`). */
export interface Valued extends OptionBase {
  readonly type: 'text' | 'int' | 'duration' | 'mebibytes';
  /** What help calls the value. */
  readonly value: string;
  readonly multiple?: true;
  /** Bounds of a number, ends included. */
  readonly min?: number;
  readonly max?: number;
  readonly completes?: Completes;
}

export type Option = Flag | Valued;
export type Options = Readonly<Record<string, Option>>;

type Single<O extends Valued> = O['type'] extends 'text' ? string : number;
type ValueOf<O extends Option> = O extends Valued
  ? O extends { readonly multiple: true }
    ? readonly Single<O>[]
    : Single<O> | undefined
  : boolean;
export type Values<O extends Options> = { readonly [K in keyof O]: ValueOf<O[K]> };

/** A word that stands without an option's name. */
export interface Positional {
  readonly name: string;
  readonly optional?: true;
  /** Any number of them; only for the last. */
  readonly many?: true;
  readonly completes?: Completes;
}

/** A command as data: parsing, help, completion and documentation all come from it. */
export interface Command<O extends Options = Options> {
  /** The words that call it, e.g. `snapshot create`. */
  readonly name: string;
  /** Other words that call it too. */
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly positionals?: readonly Positional[];
  readonly options?: O;
  /** Paragraphs for its help. */
  readonly details?: readonly string[];
  readonly examples?: readonly string[];
  /** Called by completion scripts, not by people: not listed. */
  readonly hidden?: true;
  run(given: Given<O>, cli: Cli): Promise<ExitCode>;
}

/** What the command line gave to a command, checked. */
export interface Given<O extends Options = Options> {
  readonly values: Values<O>;
  readonly words: readonly string[];
}

/** Declares a command: gives `run` the types of its options. */
export function defineCommand<const O extends Options>(command: Command<O>): Command {
  return command;
}

/** The first word of `words`; parsing has made sure that it is there. */
export function firstWord(words: readonly string[]): string {
  return words[0] ?? '';
}
