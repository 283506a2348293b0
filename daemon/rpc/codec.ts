import { isUtf8 } from 'node:buffer';
import { frameTooLarge } from '../api/errors/rpc.js';
import { parseError } from '../api/errors/standard.js';
import type { ThawError } from '../api/thaw-error.js';

const newline = 0x0a;
const none: Buffer = Buffer.alloc(0);

/**
 * Cuts a stream of bytes into lines, however it was chunked. A newline byte is never part of another character in
 * UTF-8, so lines are cut as bytes and decoded whole. Pulled rather than pushed: whoever reads lines can stop in the
 * middle of a chunk. Holds one chunk and at most `lineBytes` of an unfinished line.
 */
export class LineDecoder {
  readonly #lineBytes: number;
  /** The chunk being cut, and how far. */
  #chunk = none;
  #at = 0;
  /** Bytes in it are no UTF-8: its lines are taken one by one, to tell which. Tried anew for each, it would be slow. */
  #mangled = false;
  /** Lines of the chunk that were decoded together, the next one last. */
  #ready: string[] = [];
  /** The beginning of a line whose end has not come yet: the first `#held` bytes of a buffer that grows. */
  #start = none;
  #held = 0;
  /** A line too long has been reported, and its rest goes by unseen. */
  #skipping = false;

  /** @param lineBytes a line of more bytes than this is reported and skipped, without being kept */
  constructor(lineBytes: number) {
    this.#lineBytes = lineBytes;
  }

  /** Takes the next chunk; all lines of the one before must have been taken out by {@link next}. */
  push(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
    this.#mangled = false;
  }

  /** The next line that is not empty, what is wrong with it, or null until there is another chunk. */
  next(): string | ThawError | null {
    for (;;) {
      const ready = this.#ready.pop();
      if (ready === undefined) {
        if (this.#at >= this.#chunk.length) break;
        if (this.#decodeTogether()) continue;
        const line = this.#cutOne();
        if (line !== null) return line;
      } else if (!isBlank(ready)) {
        return ready;
      }
    }
    this.#chunk = none;
    return null;
  }

  /** The usual case, and then the fast one: decodes all that is whole in the chunk at once. */
  #decodeTogether(): boolean {
    if (this.#held > 0 || this.#skipping || this.#mangled) return false;
    const end = this.#chunk.lastIndexOf(newline);
    if (end < this.#at || end - this.#at > this.#lineBytes) return false;
    const text = this.#chunk.toString('utf8', this.#at, end);
    this.#mangled = isMangled(text, this.#chunk.subarray(this.#at, end));
    if (this.#mangled) return false;
    this.#at = end + 1;
    this.#ready = text.split('\n').reverse();
    return true;
  }

  #cutOne(): string | ThawError | null {
    const end = this.#chunk.indexOf(newline, this.#at);
    const piece = this.#chunk.subarray(this.#at, end < 0 ? undefined : end);
    this.#at += piece.length + 1;
    if (this.#skipping) {
      this.#skipping = end < 0;
      return null;
    }
    if (this.#held + piece.length > this.#lineBytes) {
      this.#skipping = end < 0;
      this.#release();
      return frameTooLarge({ limit: this.#lineBytes });
    }
    if (end >= 0) return this.#complete(piece);
    this.#hold(piece);
    return null;
  }

  /** What stands after the last newline once the stream has ended: a line, as if it had one. */
  end(): string | ThawError | null {
    return this.#held > 0 ? this.#complete(none) : null;
  }

  #complete(last: Buffer): string | ThawError | null {
    let bytes = last;
    if (this.#held > 0) {
      this.#hold(last);
      bytes = this.#start.subarray(0, this.#held);
      this.#release();
    }
    const text = bytes.toString('utf8');
    if (isMangled(text, bytes)) return parseError('the line is not UTF-8');
    return isBlank(text) ? null : text;
  }

  /** Copies, because the chunk is the socket's; doubles, because a line may come byte by byte. */
  #hold(piece: Buffer): void {
    const length = this.#held + piece.length;
    if (length > this.#start.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#start.length, 1024));
      this.#start.copy(larger, 0, 0, this.#held);
      this.#start = larger;
    }
    piece.copy(this.#start, this.#held);
    this.#held = length;
  }

  /** Memory of long lines is given back, that of short ones kept for the next. */
  #release(): void {
    if (this.#start.length > 65_536) this.#start = none;
    this.#held = 0;
  }
}

/** Decoding puts U+FFFD where bytes are no UTF-8; only then is it worth asking whether it stood there before. */
function isMangled(text: string, bytes: Buffer): boolean {
  return text.includes('\ufffd') && !isUtf8(bytes);
}

function isBlank(line: string): boolean {
  return line === '' || line === '\r';
}

/** Whether arrays and objects are nested deeper than `limit`; looks no deeper than that itself. */
export function deeperThan(value: unknown, limit: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (limit === 0) return true;
  for (const inner of Object.values(value)) {
    if (deeperThan(inner, limit - 1)) return true;
  }
  return false;
}
