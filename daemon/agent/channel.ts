import { setTimeout as wait } from 'node:timers/promises';
import {
  within,
  type AgentDialect,
  type Context,
  type AgentSession,
  type GuestFiles,
  type GuestLook,
  type UpdateWish,
} from '../../plugins/contract.js';
import {
  agentCommandOff,
  agentGarbled,
  agentHttpRefused,
  agentLacks,
  agentRefused,
  agentSilent,
  updateFailed,
  upgradeFailed,
} from '../api/errors/agent.js';
import { deadlineExceeded, stopping } from '../api/errors/rpc.js';
import type { UpdateAnswer } from '../api/shapes/update.js';
import { agentCalls, type Endpoint } from '../effects/vsock.js';
import type { Mortal } from '../vmm/process.js';
import { Turns, endable, orAborted } from '../vmm/turns.js';
import { Line, type Hello } from './line.js';
import { grown, patience as standard, type Patience } from './patience.js';

export interface AgentChannelOptions {
  readonly vm: string;
  /** Where its agent is; null as long as nobody knows. */
  readonly to: () => Endpoint | null;
  readonly dialect: AgentDialect;
  /** Whose end ends the waiting. */
  readonly process?: Mortal | undefined;
  readonly patience?: Partial<Patience> | undefined;
}

/** As often in a row an agent may talk nonsense before it is believed to be something else. */
const mostGarbled = 3;

/** What an agent says itself: asking again would be in vain. */
const answered = [agentRefused, agentCommandOff, agentLacks, updateFailed, upgradeFailed];

const isFinal = (error: unknown): boolean =>
  answered.some((entry) => entry.is(error)) ||
  // From 500 on it is the server's trouble, which may pass: a service that is just starting.
  (agentHttpRefused.is(error) && Number(error.detail['status']) < 500);

const sees = (session: AgentSession): session is AgentSession & Pick<Required<AgentSession>, 'look'> =>
  session.look !== undefined;

const gone = Symbol('the VMM has ended');

/**
 * The one owner of the conversation with a VM's agent: one call at a time, over one connection that is opened when it
 * is needed and again after it broke. Calls go on trying until their context's signal aborts; a deadline's abort
 * becomes agentSilent, with what the last try showed. All throw agentSilent, agentGarbled, agentRefused, agentCommandOff, vmmDied.
 */
export class AgentChannel {
  readonly vm: string;
  readonly #options: AgentChannelOptions;
  readonly #patience: Patience;
  readonly #turns = new Turns();
  readonly #closing = new AbortController();
  #line: Line | null = null;
  #hungUpAt = -Infinity;

  constructor(options: AgentChannelOptions) {
    this.vm = options.vm;
    this.#options = options;
    this.#patience = { ...standard, ...options.patience };
  }

  /** The dialect's name. */
  get dialect(): string {
    return this.#options.dialect.name;
  }

  /**
   * Connects and says the first words without waiting for an answer: while the VM is still Paused, it comes right
   * after the resume. A failure is no one's matter yet, the next call connects again.
   */
  async preconnect(cx: Context): Promise<void> {
    // A guest that is paused answers nobody on its network.
    if (this.#options.to()?.via === 'tcp') return;
    await this.#turns.take(cx.signal, async () => {
      if (this.#line?.alive) return;
      this.#hangUp();
      try {
        this.#line = await this.#connect(cx);
      } catch {
        cx.signal.throwIfAborted();
      }
    });
  }

  /** Gets in touch, and tells the agent's version. */
  async hello(cx: Context): Promise<Hello> {
    return await this.#ask({ milliseconds: this.#patience.hello, cx }, (line) => line.hello);
  }

  /** A sign of life. */
  async ping(cx: Context): Promise<void> {
    await this.#ask({ milliseconds: this.#patience.hello, cx }, ({ session }, inner) =>
      agentCalls.ping(session, inner),
    );
  }

  /** What can be seen of the guest; null where its dialect has no eyes. */
  async look(cx: Context): Promise<GuestLook | null> {
    return await this.#ask({ milliseconds: this.#patience.update, cx }, async ({ session }, inner) =>
      sees(session) ? await agentCalls.look(session, inner) : null,
    );
  }

  /** Tells the guest who it is; each part's outcome is in the answer, not thrown. Tried again until it is answered. */
  async update(wish: UpdateWish, cx: Context): Promise<UpdateAnswer> {
    return await this.#ask({ milliseconds: this.#patience.update, cx }, ({ session }, inner) =>
      agentCalls.update({ session, wish }, inner),
    );
  }

  /** Lets the guest let go of a NIC before it is unplugged. @throws updateFailed */
  async prepareDetach(mac: string, cx: Context): Promise<void> {
    await this.#ask({ milliseconds: this.#patience.update, cx }, ({ session }, inner) =>
      agentCalls.prepareDetach({ session, mac }, inner),
    );
  }

  /** One call about the guest's files. @throws agentLacks where the dialect has none */
  async withFiles<T>(fn: (guest: { files: GuestFiles }, cx: Context) => Promise<T>, cx: Context): Promise<T> {
    return await this.#ask({ milliseconds: this.#patience.update, cx }, ({ session: { files } }, inner) => {
      if (!files) throw agentLacks({ vm: this.vm, dialect: this.dialect, what: 'files in the guest' });
      return fn({ files }, inner);
    });
  }

  /**
   * Closes the connection and gives the guest, which must be running, a moment to notice: before a pause for a
   * snapshot. An agent that is not connected costs nothing.
   */
  async disconnect(cx: Context): Promise<void> {
    await this.#turns.take(cx.signal, async () => {
      this.#hangUp();
      const left = this.#hungUpAt + this.#patience.hangUp - performance.now();
      if (left > 0) await orAborted(wait(left), cx.signal);
    });
  }

  /** Ends the conversation for good; calls under way reject with `stopping`. */
  async close(): Promise<void> {
    this.#closing.abort(stopping({}));
    this.#hangUp();
    await this.#turns.take(new AbortController().signal, () => Promise.resolve());
  }

  #hangUp(): void {
    if (this.#line === null) return;
    this.#line.close();
    this.#line = null;
    this.#hungUpAt = performance.now();
  }

  async #connect(cx: Context): Promise<Line> {
    const { vm, dialect } = this.#options;
    const to = this.#options.to();
    if (to === null) throw agentSilent({ vm, milliseconds: 0, why: 'its guest has no address yet' });
    return await Line.open({ vm, to, dialect }, cx);
  }

  /** One turn of the conversation, `fn` within `milliseconds` a try; ends with the VMM, or with the channel. */
  async #ask<T>(
    { milliseconds, cx }: { milliseconds: number; cx: Context },
    fn: (line: Line, cx: Context) => Promise<T>,
  ): Promise<T> {
    const { process } = this.#options;
    const arm = (end: (reason: unknown) => void): (() => void) => {
      const stop = (): void => end(this.#closing.signal.reason);
      if (this.#closing.signal.aborted) stop();
      this.#closing.signal.addEventListener('abort', stop);
      const forget = process?.onExit(() => end(gone));
      return () => {
        this.#closing.signal.removeEventListener('abort', stop);
        forget?.();
      };
    };
    const tries = new Tries();
    try {
      return await endable({ cx, arm }, (inner) =>
        this.#turns.take(inner.signal, () => this.#until({ tries, milliseconds, cx: inner }, fn)),
      );
    } catch (error) {
      if (error === gone && process) throw await process.obituary('a call to its agent');
      if (!cx.signal.aborted || !isDeadline(cx.signal.reason)) throw error;
      throw agentSilent(
        { vm: this.vm, milliseconds: Math.round(tries.elapsed), why: tries.why },
        { cause: error },
      );
    }
  }

  /** Tries until it is answered, or the signal aborts, or trying again is in vain. */
  async #until<T>(
    { tries, milliseconds, cx }: { tries: Tries; milliseconds: number; cx: Context },
    fn: (line: Line, cx: Context) => Promise<T>,
  ): Promise<T> {
    for (; ; tries.count += 1) {
      let line: Line | null = null;
      try {
        line = await this.#inTouch(tries.count, cx);
        const open = line;
        const what = 'the agent’s answer';
        return await within(cx, { what, milliseconds }, (inner) => fn(open, inner));
      } catch (error) {
        // The agent's own word leaves the conversation in step; after all else the connection is worth nothing.
        if (isFinal(error)) throw error;
        tries.why = this.#explain(error, tries);
        this.#hangUp();
        cx.signal.throwIfAborted();
        if (agentGarbled.is(error) && (tries.garbled += 1) >= mostGarbled) throw error;
      }
      await orAborted(wait(grown(this.#patience.pause, tries.count, 200)), cx.signal);
    }
  }

  /** A line whose agent has answered the first words. */
  async #inTouch(count: number, cx: Context): Promise<Line> {
    if (!this.#line?.alive) this.#hangUp();
    const accept = { what: 'the guest’s vsock', milliseconds: grown(this.#patience.accept, count, 2_000) };
    const line = await within(cx, accept, async (inner) => {
      const connected = (this.#line ??= await this.#connect(inner));
      await orAborted(connected.opened, inner.signal);
      return connected;
    });
    const hello = {
      what: 'the agent’s first answer',
      milliseconds: grown(this.#patience.hello, count, 16_000),
    };
    await within(cx, hello, (inner) => orAborted(line.hello, inner.signal));
    return line;
  }

  /** What the last try showed, for the error in the end. */
  #explain(error: unknown, { why }: Tries): string {
    if (agentGarbled.is(error)) return String(error.detail['why']);
    if (agentHttpRefused.is(error)) return error.message;
    const to = this.#options.to();
    if (to === null) return 'its guest has no address yet';
    if (this.#line !== null) return this.#line.evidence(to);
    // No connection: what was seen of an earlier one says more than an abort.
    if (!(error instanceof Error && 'syscall' in error)) return why;
    if (to.via !== 'tcp') this.#options.process?.suspect();
    return `nobody listens at ${to.via === 'tcp' ? `${to.address} ${to.port}` : to.path}`;
  }
}

/** What a call has gone through so far. */
class Tries {
  count = 0;
  garbled = 0;
  why = 'its turn never came';
  readonly #started = performance.now();

  get elapsed(): number {
    return performance.now() - this.#started;
  }
}

/** Whether a signal was aborted because time is up, rather than by somebody. */
function isDeadline(reason: unknown): boolean {
  return deadlineExceeded.is(reason) || (reason instanceof DOMException && reason.name === 'TimeoutError');
}
