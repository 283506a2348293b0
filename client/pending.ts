import type { MethodName } from '../daemon/api/index.js';
import { ThawError } from '../daemon/api/thaw-error.js';
import type { Message } from './connection.js';
import { clientErrors, outcomeUnknown } from './errors.js';
import { methodTable } from './methods.gen.js';
import type { CallOptions, Progress } from './types.js';

export interface PendingCallOptions extends CallOptions {
  readonly id: number;
  readonly method: MethodName;
  readonly params: Readonly<Record<string, unknown>>;
  readonly graceMs: number;
  /** Asks the daemon to abandon it. */
  readonly sendCancel: () => void;
  /** It needs nothing more. */
  readonly onSettled: () => void;
}

/** How a connection ended. */
export interface Loss {
  /** Whether there will be another. */
  readonly again: boolean;
  /** The daemon did not take the connection, so it has seen none of its requests. */
  readonly refused: boolean;
  readonly cause: unknown;
}

/** A request that takes the daemon down each time must not do so for ever. */
const mostLosses = 4;

/** One request from call to answer. Knows whether it has been sent, and what that means when the connection is lost. */
export class PendingCall {
  readonly id: number;
  readonly result: Promise<unknown>;
  readonly #options: PendingCallOptions;
  #resolve: (result: unknown) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  #sent = false;
  /** Set once it is to be abandoned: what to throw when the daemon says that it was. */
  #abandoned: ThawError | null = null;
  #timer: NodeJS.Timeout | null = null;
  #losses = 0;
  #operation: string | null = null;
  readonly #vms = new Set<string>();

  constructor(options: PendingCallOptions) {
    this.#options = options;
    this.id = options.id;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    options.signal?.addEventListener('abort', this.#onAbort);
    const { timeoutMs } = options;
    if (timeoutMs !== undefined) this.#timer = setTimeout(() => this.#abandon(tooLate(options)), timeoutMs);
  }

  get sent(): boolean {
    return this.#sent;
  }

  /** The line to send; from then on it counts as sent. */
  line(): string {
    this.#sent = true;
    const { method, onProgress } = this.#options;
    const wanted = onProgress !== undefined && methodTable[method]?.progress === true;
    const params = wanted ? { ...this.#options.params, progressToken: this.id } : this.#options.params;
    return JSON.stringify({ jsonrpc: '2.0', id: this.id, method, params });
  }

  answer({ result, error }: Message): void {
    if (error === undefined) {
      this.#settle(() => this.#resolve(result));
      return;
    }
    const known = fromWire(error);
    this.fail(
      this.#abandoned && known.code === clientErrors.cancelled.code
        ? abandonedAs(this.#abandoned, known)
        : known,
    );
  }

  progress(report: Progress): void {
    this.#operation = report.operation;
    if (report.vm !== null) this.#vms.add(report.vm);
    this.#options.onProgress?.(report);
  }

  /** The connection is lost: the request waits to be sent again where that is harmless, or else has failed. */
  lost({ again, refused, cause }: Loss): void {
    const { method } = this.#options;
    const harmless = refused || !this.#sent || accessOf(method) === 'read';
    if (!harmless) this.fail(this.#unknown('The connection to thawd was lost', cause));
    else if (this.#abandoned) this.fail(this.#abandoned);
    else if (again && ++this.#losses < mostLosses) this.#sent = false;
    else this.fail(cause instanceof ThawError ? cause : connectionLost(method, cause));
  }

  fail(error: unknown): void {
    this.#settle(() => this.#reject(error));
  }

  readonly #onAbort = (): void => {
    this.#abandon(cancelledByCaller(this.#options.signal?.reason));
  };

  /** Not sent, it is over at once. Sent, the daemon's answer decides: it may have been too late. */
  #abandon(error: ThawError): void {
    if (this.#abandoned) return;
    this.#abandoned = error;
    if (!this.#sent) {
      this.fail(error);
      return;
    }
    this.#options.sendCancel();
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.fail(this.#unknown('thawd did not answer in time after a cancel', error)),
      this.#options.graceMs,
    );
  }

  #unknown(what: string, cause: unknown): ThawError {
    const { method, params } = this.#options;
    const named = [params['vm'], params['name'], params['names'], params['snapshot']].flat();
    const vms = this.#vms.size > 0 ? [...this.#vms] : named.filter((name) => typeof name === 'string');
    return outcomeUnknown({ method, what, operation: this.#operation, vms, cause });
  }

  #settle(how: () => void): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#options.onSettled();
    how();
  }
}

/** An error of the daemon's as it was thrown there. */
export function fromWire(error: NonNullable<Message['error']>): ThawError {
  const { code, message, data } = error;
  const detail = {
    reason: 'unknown',
    retryable: false,
    remedy: '',
    ...(typeof data === 'object' ? data : null),
  };
  return new ThawError({ code, message, detail });
}

/** Why a call was abandoned is ours to tell, what became of it the daemon's. */
function abandonedAs(ours: ThawError, { code, message, detail }: ThawError): ThawError {
  return ours.code === code
    ? new ThawError({ code, message, detail }, { cause: ours.cause })
    : ours.knowing(detail);
}

export function cancelledByCaller(cause: unknown): ThawError {
  return clientErrors.cancelled({ data: { by: 'client' }, cause });
}

function connectionLost(method: string, cause: unknown): ThawError {
  return clientErrors.connectionLost({
    message: `The connection to thawd was lost before ${method} was answered`,
    data: { method },
    cause,
  });
}

function tooLate({ method, timeoutMs }: PendingCallOptions): ThawError {
  return clientErrors.deadlineExceeded({
    message: `${method} took longer than ${timeoutMs ?? 0} ms`,
    data: { what: method, milliseconds: timeoutMs },
  });
}

/** What a method does; undefined for one of a newer daemon's, which `call` lets through. */
function accessOf(method: string): string | undefined {
  return Object.entries(methodTable).find(([name]) => name === method)?.[1].access;
}
