import { readFile } from 'node:fs/promises';
import type { MethodName, ParamsOf, ResultOf } from '../../daemon/api/index.js';
import { connect, type EventItem, type EventPosition, type ThawClient } from '../index.js';
import type { Answer, Cli } from './cli.js';
import type { Command } from './command.js';
import { faultLines, faultValue } from './fault.js';
import type { Globals } from './parse.js';
import { openProgress, type ProgressView } from './progress-view.js';
import { openTerminal, type Terminal } from './terminal.js';
import { clean } from './text.js';
import { usage } from './usage.js';

type Env = Readonly<Record<string, string | undefined>>;

/** What this run talks to, and with which manners. */
export class Context implements Cli {
  readonly out: Terminal;
  readonly err: Terminal;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly #socket: string | undefined;
  readonly #progress: string;
  #client: Promise<ThawClient> | null = null;
  #view: ProgressView | null = null;
  #waiting = 0;
  #follows = false;

  constructor(
    globals: Globals,
    env: Env,
    readonly of: { readonly commands: readonly Command[]; readonly signal: AbortSignal },
  ) {
    this.out = openTerminal(process.stdout, env, globals['no-color']);
    this.err = openTerminal(process.stderr, env, globals['no-color']);
    this.json = globals.json;
    this.quiet = globals.quiet;
    this.#socket = globals.socket;
    this.#progress = globals.quiet ? 'off' : (globals.progress ?? 'auto');
  }

  get commands(): readonly Command[] {
    return this.of.commands;
  }

  get signal(): AbortSignal {
    return this.of.signal;
  }

  /** What an interrupt meets: a request to cancel, a stream that just ends, or nothing that would notice. */
  get doing(): 'waiting' | 'following' | 'nothing' {
    if (this.#follows) return 'following';
    return this.#waiting > 0 ? 'waiting' : 'nothing';
  }

  client(): Promise<ThawClient> {
    this.#client ??= connect({ socket: this.#socket });
    return this.#client;
  }

  async call<N extends MethodName>(name: N, params: ParamsOf<N>): Promise<ResultOf<N>> {
    const client = await this.client();
    return await this.#wait(client.call(name, params, { signal: this.signal }));
  }

  async callByName(name: string, params: Readonly<Record<string, unknown>>): Promise<unknown> {
    const client = await this.client();
    // The daemon may be newer than this program and know more methods: it is the one to say what there is.
    return await this.#wait(
      client.call(name as MethodName, params as ParamsOf<MethodName>, { signal: this.signal }),
    );
  }

  async watch<N extends MethodName>(name: N, params: ParamsOf<N>): Promise<ResultOf<N>> {
    const client = await this.client();
    const view = openProgress(this.err, this.#progress);
    this.#view = view;
    try {
      const onProgress = (report: Parameters<ProgressView['report']>[0]): void => view.report(report);
      return await this.#wait(client.call(name, params, { signal: this.signal, onProgress }));
    } finally {
      this.#view = null;
      view.end();
    }
  }

  async *events(since: EventPosition | undefined): AsyncGenerator<EventItem, void, void> {
    const client = await this.client();
    this.#follows = true;
    yield* client.events({ since, signal: this.signal });
    this.#follows = false;
  }

  answer({ value, lines, names }: Answer): void {
    if (this.json) this.out.write(`${JSON.stringify(value, null, this.out.isTerminal ? 2 : 0)}\n`);
    else this.#lines(this.quiet ? (names?.() ?? []) : lines());
  }

  line({ value, lines }: Pick<Answer, 'value' | 'lines'>): void {
    if (this.json) this.out.write(`${JSON.stringify(value)}\n`);
    else this.#lines(lines());
  }

  note(text: string): void {
    if (!this.quiet && !this.json) this.#say(`${this.err.paint('yellow', '!')} ${clean(text)}\n`);
  }

  complain(error: unknown, about?: string): void {
    this.#say(
      this.json
        ? `${JSON.stringify({ error: faultValue(error) })}\n`
        : `${faultLines(error, this.err.paint, about).join('\n')}\n`,
    );
  }

  async read(path: string): Promise<string> {
    try {
      if (path !== '-') return await readFile(path, 'utf8');
      let text = '';
      for await (const chunk of process.stdin.setEncoding('utf8')) text += String(chunk);
      return text;
    } catch (cause) {
      throw usage(
        `${path} can't be read: ${cause instanceof Error ? cause.message : 'unknown'}`,
        'Name a readable file',
      );
    }
  }

  async close(): Promise<void> {
    // One that could not connect has been reported by whoever wanted it.
    await this.#client?.then(
      (client) => client.close(),
      () => undefined,
    );
  }

  async #wait<T>(answer: Promise<T>): Promise<T> {
    this.#waiting += 1;
    try {
      return await answer;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Above the lines of progress, which are drawn again beneath it. */
  #say(text: string): void {
    if (this.#view === null) this.err.write(text);
    else this.#view.above(text);
  }

  #lines(lines: readonly string[]): void {
    if (lines.length > 0) this.out.write(`${lines.join('\n')}\n`);
  }
}
