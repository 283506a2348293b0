import type { Access } from '../api/define.js';
import type { ProgressParams } from '../api/rpc.js';
import type { ThawError } from '../api/thaw-error.js';
import type { Call, Peer } from '../methods/call.js';
import { noteAsker } from '../operations/askers.js';
import type { RequestId } from './envelope.js';

/** What a call needs of its connection. */
export interface Connection {
  readonly peer: Peer;
  readonly access: Access;
  readonly closed: boolean;
  /** Sends a notification; false, and not sent, where too much already waits to be read. */
  notify(method: string, params: unknown): boolean;
  onClose(callback: () => void): () => void;
  onWritable(callback: () => void): () => void;
}

/** One request under way. Everything that most requests don't ask for is made when it is asked for. */
export class ActiveCall implements Call {
  /** Undefined for a notification. */
  readonly id: RequestId | undefined;
  /** Set where the params hold one and the method reports progress. */
  progressToken: string | number | undefined = undefined;
  /** By `performance.now()`. */
  readonly begunAt = performance.now();
  readonly #connection: Connection;
  #controller: AbortController | null = null;
  #aborted: ThawError | null = null;
  #answered = false;
  #afterAnswer: (() => void)[] | null = null;

  constructor(connection: Connection, id: RequestId | undefined) {
    this.#connection = connection;
    this.id = id;
  }

  get peer(): Peer {
    return this.#connection.peer;
  }

  get access(): Access {
    return this.#connection.access;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      const { pid, uid } = this.peer;
      noteAsker(this.#controller.signal, { request: this.id ?? null, peer: { pid, uid } });
      if (this.#aborted) this.#controller.abort(this.#aborted);
    }
    return this.#controller.signal;
  }

  /** Why it was aborted, if it was; the first reason stays. */
  get aborted(): ThawError | null {
    return this.#aborted;
  }

  abort(reason: ThawError): void {
    if (this.#aborted) return;
    this.#aborted = reason;
    this.#controller?.abort(reason);
  }

  notify(method: string, params: unknown): boolean {
    return this.#connection.notify(method, params);
  }

  progress(report: Omit<ProgressParams, 'token'>): void {
    // A reader too slow for it does without: the timeline holds the same.
    if (this.progressToken !== undefined) this.notify('$/progress', { token: this.progressToken, ...report });
  }

  onClose(callback: () => void): () => void {
    return this.#connection.onClose(callback);
  }

  onWritable(callback: () => void): () => void {
    if (this.#answered) return this.#connection.onWritable(callback);
    // Not before the answer, also where the reader of another answer catches up meanwhile.
    let stop = (): void =>
      void (this.#afterAnswer = this.#afterAnswer?.filter((start) => start !== begin) ?? null);
    const begin = (): void => {
      stop = this.#connection.onWritable(callback);
      callback();
    };
    (this.#afterAnswer ??= []).push(begin);
    return () => stop();
  }

  /** To be called once the answer stands in the connection's queue. */
  answered(): void {
    this.#answered = true;
    if (this.#afterAnswer) for (const begin of this.#afterAnswer) begin();
    this.#afterAnswer = null;
  }
}
