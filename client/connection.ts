import { connect, type Socket } from 'node:net';
import { cannotConnect, clientErrors } from './errors.js';

/** A message of the daemon's, of whatever kind. */
export interface Message {
  readonly id?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
  readonly method?: unknown;
  readonly params?: unknown;
}

export interface ConnectionEvents {
  onMessage(message: Message): void;
  /** Called once, however it ended; not after {@link Connection.close}. */
  onLost(cause: unknown): void;
}

/** The kernel's bound for a socket's path (unix(7)). */
const longestPath = 107;

/** One socket to the daemon: lines of JSON in both directions. */
export class Connection {
  readonly #socket: Socket;
  readonly #closed: Promise<void>;
  #parts: string[] = [];
  #mine = false;

  /**
   * @throws ThawError `daemon-not-running`, `socket-forbidden` or `socket-path-too-long`
   */
  static open(path: string, events: ConnectionEvents): Promise<Connection> {
    if (Buffer.byteLength(path) > longestPath) {
      throw clientErrors.socketPathTooLong({
        message: `${path} is longer than the ${longestPath} bytes the kernel allows for a socket's path`,
        data: { path },
      });
    }
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      const fail = (error: Error): void => reject(cannotConnect(path, error));
      socket.once('error', fail);
      socket.once('connect', () => {
        socket.off('error', fail);
        resolve(new Connection(socket, events));
      });
    });
  }

  private constructor(socket: Socket, events: ConnectionEvents) {
    this.#socket = socket;
    let cause: unknown;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#cut(text, events));
    socket.on('error', (error) => (cause = error));
    this.#closed = new Promise((resolve) => {
      socket.on('close', () => {
        resolve();
        if (!this.#mine) events.onLost(cause);
      });
    });
  }

  send(line: string): void {
    this.#socket.write(`${line}\n`);
  }

  /** Reads no more until `resume`: the daemon then sees a slow reader. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): Promise<void> {
    this.#mine = true;
    this.#socket.destroy();
    return this.#closed;
  }

  #cut(text: string, events: ConnectionEvents): void {
    let at = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', at)) {
      this.#parts.push(text.slice(at, end));
      at = end + 1;
      const line = this.#parts.length === 1 ? (this.#parts[0] ?? '') : this.#parts.join('');
      this.#parts = [];
      const message = parse(line);
      if (message) events.onMessage(message);
      else this.#socket.destroy(notThawd(line));
    }
    if (at < text.length) this.#parts.push(text.slice(at));
  }
}

function parse(line: string): Message | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : null;
  } catch {
    return null;
  }
}

function notThawd(line: string): Error {
  return clientErrors.notThawd({
    message: `Whatever listens there does not speak thawd's language: ${line.slice(0, 80)}`,
  });
}
