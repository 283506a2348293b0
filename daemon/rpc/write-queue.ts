import type { Socket } from 'node:net';

/** Lines to a write: with fewer the writes cost more than the client gains by working at the same time. */
const few = 3;

/**
 * What waits to be read by one client. The first line of a turn of the event loop goes out at once, so that a sleeping
 * client wakes while the others are made; those go out a few at a time, so that it has work meanwhile.
 */
export class WriteQueue {
  readonly #socket: Socket;
  readonly #most: number;
  readonly #onDrained: () => void;
  #lines: string[] = [];
  #length = 0;
  #full = false;
  /** A line was refused, so somebody waits for a sign. */
  #refused = false;
  /** The first line of this turn has gone out. */
  #begun = false;

  /**
   * @param most bytes (characters, where they are not ASCII) that may wait before the queue is full
   * @param onDrained called whenever the queue has emptied after being full
   */
  constructor(socket: Socket, most: number, onDrained: () => void) {
    this.#socket = socket;
    // Below its own mark a socket does not tell when it has drained.
    this.#most = Math.max(most, socket.writableHighWaterMark);
    this.#onDrained = onDrained;
    socket.on('drain', () => this.#drained());
  }

  /** Whether the client reads too slowly to be given more work. */
  get full(): boolean {
    return this.#full;
  }

  /** Sends a line, full or not: an answer is owed. */
  push(line: string): void {
    this.#lines.push(line, '\n');
    this.#length += line.length + 1;
    if (this.#begun) {
      if (this.#lines.length >= 2 * few) this.flush();
      return;
    }
    this.#begun = true;
    process.nextTick(() => {
      this.#begun = false;
      this.flush();
    });
    this.flush();
  }

  /** Sends a line unless the queue is full; then false, and `onDrained` follows. */
  offer(line: () => string): boolean {
    if (this.#full || this.#length + this.#socket.writableLength > this.#most) {
      this.#refused = true;
      return false;
    }
    this.push(line());
    return true;
  }

  /** Hands what waits to the kernel, or as much of it as it takes. */
  readonly flush = (): void => {
    if (this.#lines.length === 0) return;
    const text = this.#lines.join('');
    this.#lines = [];
    this.#length = 0;
    if (!this.#socket.writable) return;
    this.#socket.write(text);
    this.#full = this.#socket.writableLength > this.#most;
    if (!this.#full && this.#refused) this.#drained();
  };

  #drained(): void {
    this.#full = false;
    this.#refused = false;
    this.#onDrained();
  }
}
