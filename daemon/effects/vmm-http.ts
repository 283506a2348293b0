import { connect, type Socket } from 'node:net';
import { AnswerReader, type HttpAnswer } from '../../plugins/contract.js';

export { AnswerGarbled, type HttpAnswer } from '../../plugins/contract.js';

export interface HttpAsk {
  readonly method: 'GET' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** JSON. Never with GET and DELETE, which Firecracker refuses with a body. */
  readonly body?: string;
}

/** The connection closed before an answer, or there was none to be had. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** Who waits for an answer. */
interface Waiting {
  readonly take: (bytes: Buffer) => void;
  /** The other side says no more. */
  readonly end: () => void;
  readonly fail: (error: unknown) => void;
}

/**
 * One connection to an HTTP server on a Unix socket, kept open between requests, opened again after it closed. Its
 * user sends one request at a time.
 */
export class HttpLink {
  readonly #path: string;
  readonly #onClose: () => void;
  #socket: Socket | null = null;
  #waiting: Waiting | null = null;
  #closing = false;

  /** `onClose` is called when the other side ends the connection: the server's end, as a rule. */
  constructor(path: string, onClose: () => void) {
    this.#path = path;
    this.#onClose = onClose;
  }

  /** Sends one request. Once `signal` aborts, the connection is given up: what became of the request is not known. */
  async ask(request: HttpAsk, signal: AbortSignal): Promise<HttpAnswer> {
    signal.throwIfAborted();
    if (this.#closing) throw new ConnectionLost('closed');
    const text = written(request);
    const socket = (this.#socket ??= this.#open());
    let onAbort: (() => void) | undefined;
    try {
      return await new Promise<HttpAnswer>((resolve, reject) => {
        onAbort = () =>
          reject(signal.reason instanceof Error ? signal.reason : new ConnectionLost('aborted'));
        signal.addEventListener('abort', onAbort, { once: true });
        const reader = new AnswerReader();
        const take = (bytes: Buffer): void => {
          const answer = reader.push(bytes);
          if (answer === null) return;
          this.#waiting = null;
          if (!reader.keep) this.#lose(socket);
          resolve(answer);
        };
        const end = (): void => {
          const answer = reader.end();
          if (answer) resolve(answer);
          else reject(new ConnectionLost('closed before the answer'));
        };
        this.#waiting = { take, end, fail: reject };
        socket.write(text);
      });
    } finally {
      if (onAbort) signal.removeEventListener('abort', onAbort);
      // Still waiting: what comes now would be taken for the next one's answer.
      if (this.#waiting !== null) this.drop();
    }
  }

  /** Gives the connection up without telling; the next request opens another. */
  drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#waiting = null;
    socket?.destroy();
  }

  close(): void {
    this.#closing = true;
    this.#waiting?.fail(new ConnectionLost('closed'));
    this.drop();
  }

  #open(): Socket {
    const socket = connect({ path: this.#path });
    let cause: Error | undefined;
    socket.on('data', (bytes: Buffer) => this.#take(socket, bytes));
    socket.on('end', () => {
      if (this.#socket === socket) this.#waiting?.end();
      this.#lose(socket);
    });
    // What the other side said before (a 503 for one connection too many) has been read; `close` follows.
    socket.on('error', (error) => (cause = error));
    socket.once('close', () => {
      if (this.#socket !== socket) return;
      this.#waiting?.fail(new ConnectionLost(cause?.message ?? 'closed', { cause }));
      this.#lose(socket);
    });
    return socket;
  }

  #take(socket: Socket, bytes: Buffer): void {
    if (this.#socket !== socket) return;
    try {
      if (this.#waiting) this.#waiting.take(bytes);
      // Nobody has asked: whatever it is, the next answer would not be told from it.
      else this.#lose(socket);
    } catch (error) {
      this.#waiting?.fail(error);
    }
  }

  /** The other side ends the connection, or is not to be spoken to on it any more. */
  #lose(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.drop();
    if (!this.#closing) this.#onClose();
  }
}

/** A request as Firecracker reads it: always with a length where there is a body, for it does not decode chunks. */
function written({ method, path, body }: HttpAsk): string {
  // What would end the line, or the head, is no part of any path.
  if (/[^\x21-\x7e]/.test(path)) throw new TypeError(`not a path: ${JSON.stringify(path.slice(0, 80))}`);
  const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n`;
  if (body === undefined) return `${head}\r\n`;
  const length = Buffer.byteLength(body);
  return `${head}Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`;
}
