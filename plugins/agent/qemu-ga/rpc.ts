import { randomInt } from 'node:crypto';
import { z } from 'zod';
import {
  agentCommandOff,
  agentGarbled,
  agentRefused,
  agentSilent,
} from '../../../daemon/api/errors/agent.js';
import type { Context, GuestStream } from '../../contract.js';
import { FrameReader, LineTooLong, type Frame } from './frames.js';

/** One request: QMP's form, which qemu-ga shares. */
export interface Command {
  readonly execute: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
}

export type Outcome =
  | { readonly ok: true; readonly value: unknown }
  /** `unknown`: it has no such command, or is told not to have it. */
  | { readonly ok: false; readonly said: string; readonly unknown: boolean };

/** Output of a command comes in one line, base64; qemu-ga itself stops at 16 MiB of it, our script far below. */
const longestLine = 8 * 1024 * 1024;
/** What an earlier client's conversation may have left in the pipe. */
const mostStale = 32 * 1024 * 1024;

const answer = z.object({
  return: z.unknown().optional(),
  error: z.object({ class: z.string().optional(), desc: z.string() }).optional(),
});

/** Requests to a qemu-ga and their answers, which come in the order of asking. */
export class Rpc {
  readonly #vm: string;
  readonly #stream: GuestStream;
  readonly #reader = new FrameReader(longestLine);
  readonly #frames: Frame[] = [];

  constructor(vm: string, stream: GuestStream) {
    this.#vm = vm;
    this.#stream = stream;
  }

  /**
   * Gets in step with the agent, whatever a client before left unread or half said, and asks more in the same breath.
   * @throws agentGarbled, agentSilent
   */
  async sync(more: readonly Command[], cx: Context): Promise<Outcome[]> {
    const id = randomInt(2 ** 47);
    const hail = { execute: 'guest-sync-delimited', arguments: { id } };
    // 0xFF resets the agent's parser: half a request may be in it.
    this.#stream.write(Buffer.concat([Buffer.of(0xff), encode([hail, ...more])]));
    for (let stale = 0; ;) {
      const frame = await this.#next(cx);
      const outcome = frame.delimited ? outcomeOf(frame.text) : null;
      if (outcome?.ok && outcome.value === id) break;
      stale += frame.text.length;
      if (stale > mostStale) throw this.#garbled(`${mostStale} bytes and no answer to a sync among them`);
    }
    return await this.#answers(more.length, cx);
  }

  /** @throws agentRefused with the agent's words, agentCommandOff, agentGarbled, agentSilent */
  async call(command: Command, cx: Context): Promise<unknown> {
    this.#stream.write(encode([command]));
    const [outcome] = await this.#answers(1, cx);
    if (outcome?.ok) return outcome.value;
    if (outcome?.unknown) throw agentCommandOff({ vm: this.#vm, command: command.execute });
    throw agentRefused({ vm: this.#vm, command: command.execute, said: outcome?.said ?? '' });
  }

  async #answers(count: number, cx: Context): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    while (outcomes.length < count) {
      const { text } = await this.#next(cx);
      const outcome = outcomeOf(text);
      if (outcome === null) throw this.#garbled(`no answer: ${JSON.stringify(text.slice(0, 80))}`);
      outcomes.push(outcome);
    }
    return outcomes;
  }

  async #next({ signal }: Context): Promise<Frame> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      const bytes = await this.#stream.read(signal);
      if (bytes === null) {
        throw agentSilent({ vm: this.#vm, milliseconds: 0, why: 'the connection to it was closed' });
      }
      try {
        this.#frames.push(...this.#reader.push(bytes));
      } catch (error) {
        if (error instanceof LineTooLong) throw this.#garbled(`a line of ${error.message}`);
        throw error;
      }
    }
  }

  #garbled(why: string): Error {
    return agentGarbled({ vm: this.#vm, why });
  }
}

const encode = (commands: readonly Command[]): Buffer =>
  Buffer.from(commands.map((command) => `${JSON.stringify(command)}\n`).join(''), 'utf8');

/** What a line answers; null where it is no answer. */
function outcomeOf(text: string): Outcome | null {
  const parsed = answer.safeParse(parse(text));
  if (!parsed.success) return null;
  const { error, return: value } = parsed.data;
  if (error !== undefined) {
    // Its classes are part of the protocol, its words are not.
    return { ok: false, said: error.desc.slice(0, 500), unknown: error.class === 'CommandNotFound' };
  }
  return value === undefined ? null : { ok: true, value };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
