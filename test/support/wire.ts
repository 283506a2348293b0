import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** A connection to the daemon's socket on which a test writes what no client library would. */
export class Wire {
  readonly socket: Socket;
  readonly #lines: AsyncIterator<string>;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.#lines = createInterface(socket)[Symbol.asyncIterator]();
  }

  static async open(path: string): Promise<Wire> {
    const socket = connect(path);
    await once(socket, 'connect');
    return new Wire(socket);
  }

  /** Writes a line; an object as JSON, a string as it is. */
  send(line: unknown): void {
    this.socket.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
  }

  /** The next line that came, parsed; undefined once the other side has closed. */
  async next(): Promise<unknown> {
    const { done, value } = (await this.#lines.next()) as IteratorResult<string, undefined>;
    return done === true ? undefined : JSON.parse(value);
  }

  close(): void {
    this.socket.destroy();
  }
}
