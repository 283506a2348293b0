/**
 * The bytes of a body under a cursor, with serde_json's errors and its notion of a position: an error about
 * something consumed stands at the cursor, one about something only looked at stands one byte further
 * (serde_json 1.0.149, src/read.rs and src/de.rs, which Firecracker 1.16.1 is built with).
 */

/** An error of deserialisation. `placed` once it knows its line and column. */
export class SerdeError extends Error {
  constructor(
    message: string,
    readonly placed: boolean,
  ) {
    super(message);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const escapes: Record<string, string> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class Reader {
  index = 0;
  depth = 128;
  constructor(readonly bytes: Buffer) {}

  /** The next byte that is not white space, not consumed; '' at the end. */
  peekToken(): string {
    for (;;) {
      const byte = this.bytes[this.index];
      if (byte === undefined) return '';
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x09 && byte !== 0x0d) return String.fromCharCode(byte);
      this.index += 1;
    }
  }

  peek(): string {
    const byte = this.bytes[this.index];
    return byte === undefined ? '' : String.fromCharCode(byte);
  }

  eat(): void {
    this.index += 1;
  }

  private at(message: string, index: number): SerdeError {
    const startOfLine = index === 0 ? 0 : this.bytes.lastIndexOf(0x0a, index - 1) + 1;
    let line = 1;
    for (let i = 0; i < startOfLine; i += 1) if (this.bytes[i] === 0x0a) line += 1;
    return new SerdeError(`${message} at line ${line} column ${index - startOfLine}`, true);
  }

  /** An error about what was consumed last. */
  error(message: string): SerdeError {
    return this.at(message, this.index);
  }

  /** An error about the byte under the cursor. */
  peekError(message: string): SerdeError {
    return this.at(message, Math.min(this.bytes.length, this.index + 1));
  }

  /** Gives an error that has no position yet the present one (`fix_position`). */
  fix(error: unknown): unknown {
    return error instanceof SerdeError && !error.placed ? this.error(error.message) : error;
  }

  /** The rest of `null`, `true` or `false`, its first letter consumed. */
  ident(rest: string): void {
    for (const letter of rest) {
      const next = this.peek();
      if (next === '') throw this.error('EOF while parsing a value');
      this.eat();
      if (next !== letter) throw this.error('expected ident');
    }
  }

  /** A string, its opening quote consumed. */
  string(): string {
    let text = '';
    let start = this.index;
    for (;;) {
      const byte = this.bytes[this.index];
      if (byte === undefined) throw this.error('EOF while parsing a string');
      if (byte === QUOTE) {
        text += this.slice(start, this.index);
        this.index += 1;
        return text;
      }
      if (byte === BACKSLASH) {
        text += this.slice(start, this.index);
        this.index += 1;
        text += this.escape();
        start = this.index;
      } else if (byte < 0x20) {
        this.index += 1;
        throw this.error('control character (\\u0000-\\u001F) found while parsing a string');
      } else {
        this.index += 1;
      }
    }
  }

  private slice(start: number, end: number): string {
    try {
      return utf8.decode(this.bytes.subarray(start, end));
    } catch {
      this.index = end + 1;
      throw this.error('invalid unicode code point');
    }
  }

  private escape(): string {
    const letter = this.peek();
    if (letter === '') throw this.error('EOF while parsing a string');
    this.eat();
    if (letter === 'u') return this.unicode();
    const text = escapes[letter];
    if (text === undefined) throw this.error('invalid escape');
    return text;
  }

  private hex(): number {
    if (this.index + 4 > this.bytes.length) {
      this.index = this.bytes.length;
      throw this.error('EOF while parsing a string');
    }
    const digits = this.bytes.toString('latin1', this.index, this.index + 4);
    this.index += 4;
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.error('invalid escape');
    return parseInt(digits, 16);
  }

  private unicode(): string {
    const first = this.hex();
    if (first >= 0xdc00 && first <= 0xdfff) throw this.error('lone leading surrogate in hex escape');
    if (first < 0xd800 || first > 0xdbff) return String.fromCharCode(first);
    for (const expected of ['\\', 'u']) {
      if (this.peek() === '') throw this.error('EOF while parsing a string');
      const next = this.peek();
      this.eat();
      if (next !== expected) throw this.error('unexpected end of hex escape');
    }
    const second = this.hex();
    if (second < 0xdc00 || second > 0xdfff) throw this.error('lone leading surrogate in hex escape');
    return String.fromCharCode(first, second);
  }

  /** Nothing but white space may follow the value. */
  end(): void {
    if (this.peekToken() !== '') throw this.peekError('trailing characters');
  }
}
