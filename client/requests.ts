import type { MethodName, ResultOf } from '../daemon/api/index.js';
import { ThawError } from '../daemon/api/thaw-error.js';
import { persistently } from './backoff.js';
import { Connection, type Message } from './connection.js';
import { contractGap, mayBeOfAge } from './contract.js';
import { clientErrors } from './errors.js';
import { cancelledByCaller, fromWire, PendingCall } from './pending.js';
import type { CallOptions, ConnectOptions, Progress } from './types.js';

const defaultGraceMs = 30_000;
/** Milliseconds for the daemon to tell its contract, once it has not understood something. */
const ageDeadline = 2_000;
/** What a daemon says, to no request in particular, before it closes a connection that it does not take. */
const refusals = new Set(['no-access', 'stopping']);

/** All requests of a client over one connection, which is made anew when there is something to send. */
export class Requests {
  readonly #socket: string;
  readonly #options: ConnectOptions;
  readonly #pending = new Map<number, PendingCall>();
  readonly #closing = new AbortController();
  #connection: Connection | null = null;
  #connecting: Promise<void> | null = null;
  /** What the daemon said of the connection as a whole, e.g. that it stops. */
  #verdict: ThawError | null = null;
  #id = 0;

  constructor(socket: string, options: ConnectOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  /** Connects for the first time; one try, so that a daemon that is not there is reported at once. */
  async open(): Promise<void> {
    this.#connection = await this.#attempt();
  }

  call(method: MethodName, params: object, options: CallOptions): Promise<unknown> {
    if (this.#closing.signal.aborted) return Promise.reject(clientErrors.clientClosed());
    if (options.signal?.aborted) return Promise.reject(cancelledByCaller(options.signal.reason));
    const id = ++this.#id;
    const call = new PendingCall({
      ...options,
      id,
      method,
      params: { ...params },
      graceMs: this.#options.cancelGraceMs ?? defaultGraceMs,
      sendCancel: () =>
        this.#connection?.send(JSON.stringify({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id } })),
      onSettled: () => this.#pending.delete(id),
    });
    this.#pending.set(id, call);
    if (this.#connection) send(call, this.#connection);
    else this.#reconnect();
    return call.result;
  }

  /** Fails what is unanswered: the daemon aborts and undoes it. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(clientErrors.clientClosed());
    for (const call of [...this.#pending.values()]) {
      call.lost({ again: false, refused: false, cause: clientErrors.clientClosed() });
    }
    await this.#connection?.close();
    await this.#connecting;
  }

  #attempt(): Promise<Connection> {
    this.#verdict = null;
    return Connection.open(this.#socket, {
      onMessage: (message) => this.#take(message),
      onLost: (cause) => this.#lost(cause),
    });
  }

  /** Gives everything unsent a connection, or else fails it. */
  #reconnect(): void {
    this.#connecting ??= this.#connectAgain().finally(() => {
      this.#connecting = null;
      // Asked in the very moment in which the attempt failed.
      if (!this.#connection && this.#unsent().length > 0) this.#reconnect();
    });
  }

  async #connectAgain(): Promise<void> {
    const { reconnect } = this.#options;
    try {
      if (reconnect === false) throw this.#verdict ?? connectionGone();
      const connection = await persistently(() => this.#attempt(), reconnect ?? {}, this.#closing.signal);
      if (this.#closing.signal.aborted) {
        await connection.close();
        return;
      }
      this.#connection = connection;
      for (const call of this.#unsent()) send(call, connection);
    } catch (error) {
      for (const call of this.#unsent()) call.fail(error);
    }
  }

  #unsent(): PendingCall[] {
    return [...this.#pending.values()].filter((call) => !call.sent);
  }

  #lost(cause: unknown): void {
    this.#connection = null;
    const verdict = this.#verdict;
    const loss = {
      again: this.#options.reconnect !== false && (verdict === null || verdict.detail.retryable),
      refused: verdict !== null && refusals.has(verdict.reason),
      cause: verdict ?? cause,
    };
    for (const call of [...this.#pending.values()]) call.lost(loss);
    if (this.#unsent().length > 0) this.#reconnect();
  }

  #take(message: Message): void {
    const { id, method, params, error } = message;
    if (typeof id === 'number') this.#answer(id, message);
    else if (method === '$/progress' && isProgress(params)) this.#pending.get(params.token)?.progress(params);
    else if (id === null && error) this.#blame(fromWire(error));
  }

  /** An error that may come of another contract than ours is told with what the daemon's is; asked only then. */
  #answer(id: number, message: Message): void {
    const call = this.#pending.get(id);
    const known = message.error && fromWire(message.error);
    if (!call || !known || !mayBeOfAge(known)) {
      call?.answer(message);
      return;
    }
    const asked = this.call('system.info', {}, { timeoutMs: ageDeadline });
    void asked.then(
      (info) => {
        const gap = contractGap((info as ResultOf<'system.info'>).contract);
        if (gap === null) call.answer(message);
        else call.fail(withRemedy(known, `${gap}. ${known.detail.remedy}`));
      },
      () => call.answer(message),
    );
  }

  /** An answer to nobody: of the whole connection, or of a line that was too long for its id to be read. */
  #blame(error: ThawError): void {
    this.#verdict = error;
    const { limit } = error.detail;
    if (error.reason !== 'frame-too-large' || typeof limit !== 'number') return;
    for (const call of [...this.#pending.values()]) {
      if (call.sent && Buffer.byteLength(call.line()) > limit) call.fail(error);
    }
  }
}

/** The same error with another advice. */
function withRemedy({ code, message, detail }: ThawError, remedy: string): ThawError {
  return new ThawError({ code, message, detail: { ...detail, remedy } });
}

function send(call: PendingCall, connection: Connection): void {
  try {
    connection.send(call.line());
  } catch (error) {
    // What can't be made JSON of: a bigint, a cycle.
    call.fail(error);
  }
}

function isProgress(params: unknown): params is Progress & { token: number } {
  return (
    typeof params === 'object' && params !== null && 'token' in params && typeof params.token === 'number'
  );
}

function connectionGone(): ThawError {
  return clientErrors.connectionLost({ remedy: 'Connect again; this client was told not to' });
}
