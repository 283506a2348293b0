import type { Socket } from 'node:net';
import type { Access } from '../api/define.js';
import { cancelled } from '../api/errors/rpc.js';
import type { ThawError } from '../api/thaw-error.js';
import type { Peer } from '../methods/call.js';
import type { Connection } from './active-call.js';
import { LineDecoder } from './codec.js';
import type { Dispatcher } from './dispatcher.js';
import { Exchange } from './exchange.js';
import type { RpcLog } from './faults.js';
import type { Limits } from './limits.js';
import { WriteQueue } from './write-queue.js';

export interface SessionOptions {
  readonly socket: Socket;
  readonly peer: Peer;
  readonly access: Access;
  readonly dispatcher: Dispatcher;
  readonly limits: Limits;
  readonly log: RpcLog;
  /** Whether the client is gone altogether, asked when it has ended its side. */
  readonly gone: () => Promise<boolean>;
  readonly stopping: () => boolean;
  readonly onAnswered: () => void;
}

/** One connection: when it is read, when it is written, and when it is over. Owns its socket. */
export class Session implements Connection {
  readonly peer: Peer;
  readonly access: Access;
  readonly #options: SessionOptions;
  readonly #socket: Socket;
  readonly #lines: LineDecoder;
  readonly #queue: WriteQueue;
  readonly #exchange: Exchange;
  readonly #onClose = new Set<() => void>();
  readonly #onWritable = new Set<() => void>();
  /** Reading has stopped in the middle of a chunk. */
  #stalled = false;
  /** Requests at the limit have had the chance to be answered before more are refused. */
  #waited = false;
  /** The client will send no more. */
  #ended = false;
  #closed = false;

  constructor(options: SessionOptions) {
    const { socket, limits, log } = options;
    this.#options = options;
    this.peer = options.peer;
    this.access = options.access;
    this.#socket = socket;
    this.#lines = new LineDecoder(limits.lineBytes);
    this.#queue = new WriteQueue(socket, limits.queueBytes, () => {
      for (const callback of [...this.#onWritable]) callback();
      this.#read();
    });
    this.#exchange = new Exchange({
      connection: this,
      dispatcher: options.dispatcher,
      limits,
      log,
      send: (line) => this.#queue.push(line),
      stopping: options.stopping,
      onAnswered: () => {
        if (this.#ended) this.#endIfDone();
        options.onAnswered();
      },
    });
    socket.on('data', this.#data);
    socket.on('end', () => void this.#end());
    socket.on('error', (error) => log.debug({ peer: this.peer, err: error }, 'a connection broke'));
    socket.on('close', () => this.#close());
    socket.resume();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Requests whose answers have not been sent. */
  get inFlight(): number {
    return this.#exchange.inFlight;
  }

  notify(method: string, params: unknown): boolean {
    return !this.#closed && this.#queue.offer(() => JSON.stringify({ jsonrpc: '2.0', method, params }));
  }

  onClose(callback: () => void): () => void {
    if (this.#closed) callback();
    else this.#onClose.add(callback);
    return () => void this.#onClose.delete(callback);
  }

  onWritable(callback: () => void): () => void {
    this.#onWritable.add(callback);
    return () => void this.#onWritable.delete(callback);
  }

  /** Aborts all that is under way. */
  abort(reason: ThawError): void {
    this.#exchange.abort(reason);
  }

  /** Sends what waits and closes; a client that has not read it after `milliseconds` is cut off. */
  close(milliseconds: number): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#socket.destroy(), milliseconds);
      this.onClose(() => {
        clearTimeout(timer);
        resolve();
      });
      this.#queue.flush();
      this.#socket.end();
      // What still comes is read and dropped: closed unread it would reset the connection, and our answers with it.
      this.#socket.off('data', this.#data);
      this.#socket.resume();
    });
  }

  readonly #data = (chunk: Buffer): void => {
    this.#lines.push(chunk);
    this.#read();
  };

  /** Takes lines until there are no more, or until the client must read first, or others be answered first. */
  #read(): void {
    for (;;) {
      if (this.#queue.full || this.#closed) {
        this.#stall();
        return;
      }
      if (this.#exchange.inFlight < this.#options.limits.inFlight) {
        this.#waited = false;
      } else if (!this.#waited) {
        // A burst of requests that are answered at once is no reason to refuse any; one turn of the loop tells.
        this.#waited = true;
        setImmediate(() => this.#read());
        this.#stall();
        return;
      }
      const line = this.#lines.next();
      if (line === null) break;
      this.#exchange.take(line);
    }
    if (this.#stalled) this.#socket.resume();
    this.#stalled = false;
  }

  #stall(): void {
    this.#stalled = true;
    this.#socket.pause();
  }

  /** The client sends no more: it is gone, or it waits for its answers. */
  async #end(): Promise<void> {
    if (await this.#options.gone().catch(() => true)) {
      this.#socket.destroy();
      return;
    }
    const rest = this.#lines.end();
    if (rest !== null) this.#exchange.take(rest);
    this.#ended = true;
    this.#endIfDone();
  }

  /** Events may still be wanted by a client that only listens: with a subscription it is not done. */
  #endIfDone(): void {
    if (this.inFlight > 0 || this.#onWritable.size > 0) return;
    this.#queue.flush();
    this.#socket.end();
  }

  #close(): void {
    this.#closed = true;
    this.#exchange.abort(cancelled({ by: 'disconnect' }));
    for (const callback of [...this.#onClose]) callback();
    this.#onClose.clear();
    this.#onWritable.clear();
  }
}
