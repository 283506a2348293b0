import type { MethodName, ParamsOf, ResultOf } from '../../daemon/api/index.js';
import type { EventItem, EventPosition, ThawClient } from '../index.js';
import type { Command } from './command.js';
import type { Terminal } from './terminal.js';

/** What a command prints: the value for programs, lines for people, names for `--quiet`. */
export interface Answer {
  readonly value: unknown;
  readonly lines: () => readonly string[];
  readonly names?: () => readonly string[];
}

/** All that a command may use. */
export interface Cli {
  readonly out: Terminal;
  readonly err: Terminal;
  readonly json: boolean;
  readonly quiet: boolean;
  /** The table that this program is made from. */
  readonly commands: readonly Command[];
  /** Aborts at the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** The one connection of this run, opened when first wanted. @throws the library’s error where no daemon answers */
  client(): Promise<ThawClient>;
  call<N extends MethodName>(name: N, params: ParamsOf<N>): Promise<ResultOf<N>>;
  /** As `call`, for a method that this program need not know. */
  callByName(name: string, params: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** As `call`, with progress shown while waiting. */
  watch<N extends MethodName>(name: N, params: ParamsOf<N>): Promise<ResultOf<N>>;
  /** What happens, until the first Ctrl-C, which is then no failure. */
  events(since: EventPosition | undefined): AsyncIterable<EventItem>;
  answer(answer: Answer): void;
  /** Prints one line of a stream; for `--json` one value a line. */
  line(answer: Pick<Answer, 'value' | 'lines'>): void;
  /** Says something to people that is no result: on stderr, not with `--quiet` or `--json`. */
  note(text: string): void;
  /** Prints an error that does not end the command, e.g. that of one clone of several. */
  complain(error: unknown, about?: string): void;
  /** The text of a file, or of stdin for `-`. */
  read(path: string): Promise<string>;
}
