/** An answer as it came: a status and a body, which Firecracker itself does not always make valid JSON. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** What answered is no HTTP, or too much of it. */
export class AnswerGarbled extends Error {
  override readonly name = 'AnswerGarbled';
}

interface Head {
  readonly status: number;
  /** Bytes of the body; null where it goes on until the connection is closed, or comes in chunks. */
  readonly length: number | null;
  readonly chunked: boolean;
  /** Whether the other side goes on listening on this connection. */
  readonly keep: boolean;
}

/** An answer is a few kB. */
const longestAnswer = 4 * 1024 * 1024;
const longestHead = 16 * 1024;
/** A chunk's size with what may stand behind it. */
const longestSize = 1024;
const beginning = 'HTTP/1.';
const nothing = Buffer.alloc(0);

/**
 * Reads one answer, however its bytes come in: HTTP/1.1 as Firecracker speaks it (micro_http: a length), and as agents in
 * guests do (chunks, too; no trailers). Node's own client costs several times the whole conversation of a restore.
 */
export class AnswerReader {
  #bytes: Buffer = nothing;
  #head: Head | null = null;
  /** How many of the bytes were the answer's. */
  #used = -1;

  /** Whether the connection can be used again; to be asked after the answer. */
  get keep(): boolean {
    return this.#head?.keep === true && this.#bytes.length === this.#used;
  }

  /** Takes the next bytes; the answer, once it is whole. @throws AnswerGarbled */
  push(bytes: Buffer): HttpAnswer | null {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
    const head = (this.#head ??= this.#takeHead());
    if (head === null) return null;
    if ((head.length ?? this.#bytes.length) > longestAnswer)
      throw new AnswerGarbled(`more than ${longestAnswer} bytes`);
    if (head.chunked) return this.#chunks(head.status);
    if (head.length === null || this.#bytes.length < head.length) return null;
    this.#used = head.length;
    return { status: head.status, body: this.#bytes.toString('utf8', 0, head.length) };
  }

  /** The other side has closed: the answer, where it went up to there; null where something is missing. */
  end(): HttpAnswer | null {
    if (this.#head === null || this.#head.length !== null || this.#head.chunked) return null;
    return { status: this.#head.status, body: this.#bytes.toString('utf8') };
  }

  /** The body of chunks, once the last of them is there. @throws AnswerGarbled */
  #chunks(status: number): HttpAnswer | null {
    const parts: Buffer[] = [];
    for (let from = 0; ;) {
      const end = this.#bytes.indexOf('\r\n', from);
      if (end < 0 && this.#bytes.length - from <= longestSize) return null;
      const size = /^([0-9a-f]{1,8})(?:;|$)/i.exec(
        this.#bytes.toString('latin1', from, end < 0 ? undefined : end),
      );
      if (end < 0 || size === null) throw new AnswerGarbled('a chunk without a size');
      const length = parseInt(size[1] ?? '', 16);
      const next = end + 2 + length;
      if (this.#bytes.length < next + 2) return null;
      if (this.#bytes.toString('latin1', next, next + 2) !== '\r\n')
        throw new AnswerGarbled('a chunk without an end');
      if (length === 0) {
        this.#used = next + 2;
        return { status, body: Buffer.concat(parts).toString('utf8') };
      }
      parts.push(this.#bytes.subarray(end + 2, next));
      from = next + 2;
    }
  }

  /** Takes the head off the bytes, once it is there; those of 1xx, which announce another, are passed over. */
  #takeHead(): Head | null {
    for (;;) {
      const end = this.#bytes.indexOf('\r\n\r\n');
      const text = this.#bytes.toString(
        'latin1',
        0,
        end < 0 ? Math.min(this.#bytes.length, longestHead) : end,
      );
      if (!text.startsWith(beginning.slice(0, text.length)))
        throw new AnswerGarbled(`it begins with ${JSON.stringify(text.slice(0, 40))}`);
      if (end > longestHead || (end < 0 && this.#bytes.length > longestHead))
        throw new AnswerGarbled(`more than ${longestHead} bytes of headers`);
      if (end < 0) return null;
      this.#bytes = this.#bytes.subarray(end + 4);
      const head = headOf(text);
      if (head.status >= 200) return head;
    }
  }
}

/** @throws AnswerGarbled */
function headOf(text: string): Head {
  const [first = '', ...lines] = text.split('\r\n');
  const [, minor, digits] = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/.exec(first) ?? [];
  if (digits === undefined) throw new AnswerGarbled(`it begins with ${JSON.stringify(first.slice(0, 40))}`);
  const status = Number(digits);
  let length: number | null = null;
  let chunked = false;
  let keep = minor === '1';
  for (const line of lines) {
    const [, name, value = ''] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined) throw new AnswerGarbled(`a header ${JSON.stringify(line.slice(0, 40))}`);
    switch (name.toLowerCase()) {
      case 'content-length': {
        const said = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
        if (Number.isNaN(said) || (length !== null && length !== said))
          throw new AnswerGarbled(`a length of ${JSON.stringify(value.slice(0, 40))}`);
        length = said;
        break;
      }
      case 'transfer-encoding':
        if (value.toLowerCase() !== 'chunked')
          throw new AnswerGarbled(`the encoding ${JSON.stringify(value.slice(0, 40))}`);
        chunked = true;
        break;
      case 'connection':
        keep = keep && value.toLowerCase() !== 'close';
        break;
      default:
    }
  }
  const bodiless = status < 200 || status === 204 || status === 304;
  if (bodiless) return { status, length: 0, chunked: false, keep };
  if (chunked && length !== null) throw new AnswerGarbled('chunks and a length');
  return { status, length, chunked, keep };
}
