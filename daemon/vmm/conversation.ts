import { withSignal, within, type Context } from '../../plugins/contract.js';
import { deadlineExceeded } from '../api/errors/rpc.js';
import { vmmRefused, vmmSilent } from '../api/errors/vmm.js';
import { vmmCalls, type VmmCallName } from '../effects/vmm-calls.js';
import {
  AnswerGarbled,
  ConnectionLost,
  HttpLink,
  type HttpAnswer,
  type HttpAsk,
} from '../effects/vmm-http.js';
import { faultOf } from './answers.js';
import { explainFault, type Refusal } from './faults.js';
import type { Mortal } from './process.js';
import { Turns } from './turns.js';

/** Firecracker's limit for a request's body (`HTTP_MAX_PAYLOAD_SIZE`). */
const longestBody = 51_200;

/** A process whose connection was lost has this long to be seen dead. */
const obituaryPatienceMs = 1_000;

/** One call: what is asked, and how long and how it is waited for. */
export interface Ask extends HttpAsk {
  readonly name: VmmCallName;
  /** Milliseconds. */
  readonly within: number;
  /**
   * Cancelled meanwhile: true gives the call up (a look, or a load, whose process is ended anyway), false awaits the
   * answer, so that what became of the VM is known.
   */
  readonly abandon: boolean;
  /** What the refusal's error may name. */
  readonly hints?: Pick<Refusal, 'tap' | 'mac' | 'snapshot' | 'dir'>;
}

/** Where a VMM's API is. */
export interface VmmAddress {
  readonly vm: string;
  readonly socketPath: string;
  /** Tells, where known, whether a lost connection means the VMM's end. */
  readonly process?: Mortal | undefined;
}

/** Calls to one Firecracker, one at a time on one connection that is kept open, and what their failures mean. */
export class VmmConversation {
  readonly vm: string;
  readonly #link: HttpLink;
  readonly #process: Mortal | null;
  readonly #turns = new Turns();

  /** `onClose` is called when the VMM ends the connection. Connects at the first call. */
  constructor({ vm, socketPath, process }: VmmAddress, onClose: () => void) {
    this.vm = vm;
    this.#process = process ?? null;
    this.#link = new HttpLink(socketPath, () => {
      this.#process?.suspect();
      onClose();
    });
  }

  close(): void {
    this.#link.close();
  }

  /** @throws vmmRefused or what explains it better, vmmDied, vmmSilent */
  async call(ask: Ask, cx: Context): Promise<HttpAnswer> {
    const call = `${ask.method} ${ask.path}`;
    const length = Buffer.byteLength(ask.body ?? '');
    if (length > longestBody) {
      const fault = `not sent: its ${length} bytes are more than the ${longestBody} that Firecracker takes`;
      throw vmmRefused({ vm: this.vm, call, status: 0, fault });
    }
    return await this.#turns.take(cx.signal, () =>
      vmmCalls[ask.name]((inner) => this.#exchange({ ...ask, call }, inner), cx),
    );
  }

  async #exchange(ask: Ask & { call: string }, cx: Context): Promise<HttpAnswer> {
    const { vm } = this;
    const { call, within: milliseconds } = ask;
    const outer = ask.abandon ? cx : withSignal(cx, never);
    let answer;
    try {
      answer = await within(outer, { what: call, milliseconds }, (inner) =>
        this.#link.ask(ask, inner.signal),
      );
    } catch (error) {
      if (ask.abandon) cx.signal.throwIfAborted();
      throw await this.#failure(call, error);
    }
    const { status, body } = answer;
    if (status === 200 || status === 204) return answer;
    throw explainFault({ vm, call: ask.call, status, fault: faultOf(body), ...ask.hints });
  }

  /** What to say of a call that got no answer. */
  async #failure(call: string, error: unknown): Promise<unknown> {
    const { vm } = this;
    if (deadlineExceeded.is(error)) {
      return vmmSilent({ vm, call, milliseconds: Number(error.detail['milliseconds']) }, { cause: error });
    }
    if (error instanceof AnswerGarbled) {
      return vmmRefused({ vm, call, status: 0, fault: `no HTTP: ${error.message}` }, { cause: error });
    }
    if (!(error instanceof ConnectionLost)) return error;
    const started = performance.now();
    if (this.#process !== null && (await hasEnded(this.#process))) return await this.#process.obituary(call);
    const milliseconds = Math.round(performance.now() - started);
    return vmmSilent({ vm, call, milliseconds }, { cause: error });
  }
}

/** Of calls that are always awaited. */
const never = new AbortController().signal;

/** Whether a process whose connection was lost has ended: it may take a moment to be seen. */
async function hasEnded(process: Mortal): Promise<boolean> {
  process.suspect();
  return await new Promise((resolve) => {
    const timer = setTimeout(() => {
      forget();
      resolve(false);
    }, obituaryPatienceMs);
    const forget = process.onExit(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
