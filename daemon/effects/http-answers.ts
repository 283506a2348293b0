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
  /** Bytes of the body; null where it goes on until the connection is closed. */
  readonly length: number | null;
  /** Whether the other side goes on listening on this connection. */
  readonly keep: boolean;
}

/** An answer is a few kB; more is no Firecracker. */
const longestAnswer = 4 * 1024 * 1024;
const longestHead = 16 * 1024;
const beginning = 'HTTP/1.';
const nothing = Buffer.alloc(0);

/**
 * Reads one answer, however its bytes come in: HTTP/1.1 as Firecracker speaks it (micro_http: a length, no chunks, no
 * trailers). Node's own client costs several times the whole conversation of a restore.
 */
export class AnswerReader {
  #bytes: Buffer = nothing;
  #head: Head | null = null;

  /** Whether the connection can be used again; to be asked after the answer. */
  get keep(): boolean {
    return this.#head?.keep === true && this.#bytes.length === this.#head.length;
  }

  /** Takes the next bytes; the answer, once it is whole. @throws AnswerGarbled */
  push(bytes: Buffer): HttpAnswer | null {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
    const head = (this.#head ??= this.#takeHead());
    if (head === null) return null;
    if ((head.length ?? this.#bytes.length) > longestAnswer)
      throw new AnswerGarbled(`more than ${longestAnswer} bytes`);
    if (head.length === null || this.#bytes.length < head.length) return null;
    return { status: head.status, body: this.#bytes.toString('utf8', 0, head.length) };
  }

  /** The other side has closed: the answer, where it went up to there; null where something is missing. */
  end(): HttpAnswer | null {
    if (this.#head === null || this.#head.length !== null) return null;
    return { status: this.#head.status, body: this.#bytes.toString('utf8') };
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
        throw new AnswerGarbled('an encoding that no Firecracker uses');
      case 'connection':
        keep = keep && value.toLowerCase() !== 'close';
        break;
      default:
    }
  }
  const bodiless = status < 200 || status === 204 || status === 304;
  return { status, length: bodiless ? 0 : length, keep };
}
