/** One line of an agent, and whether a 0xFF, the answer to a delimited sync, stood right before it. */
export interface Frame {
  readonly text: string;
  readonly delimited: boolean;
}

/** More than this in one line no answer of ours can have. */
export class LineTooLong extends Error {
  override readonly name = 'LineTooLong';
}

const newline = 10;
const delimiter = 0xff;

/**
 * Cuts an agent's bytes into lines, however they come in. A 0xFF, which is never part of UTF-8, throws away what stands
 * before it: what an earlier client left behind.
 */
export class FrameReader {
  readonly #longest: number;
  #parts: Uint8Array[] = [];
  #length = 0;
  #delimited = false;

  constructor(longest: number) {
    this.#longest = longest;
  }

  /** The lines that these bytes complete; blank ones are left out. @throws LineTooLong */
  push(bytes: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    let from = 0;
    for (;;) {
      const end = bytes.indexOf(newline, from);
      const piece = bytes.subarray(from, end < 0 ? bytes.length : end);
      this.#add(piece);
      if (end < 0) return frames;
      const text = Buffer.concat(this.#parts, this.#length).toString('utf8').trim();
      if (text !== '') frames.push({ text, delimited: this.#delimited });
      this.#reset(false);
      from = end + 1;
    }
  }

  #add(piece: Uint8Array): void {
    const mark = piece.lastIndexOf(delimiter);
    if (mark >= 0) this.#reset(true);
    const rest = piece.subarray(mark + 1);
    if (rest.length === 0) return;
    this.#length += rest.length;
    if (this.#length > this.#longest) throw new LineTooLong(`more than ${this.#longest} bytes`);
    this.#parts.push(rest);
  }

  #reset(delimited: boolean): void {
    this.#parts = [];
    this.#length = 0;
    this.#delimited = delimited;
  }
}
