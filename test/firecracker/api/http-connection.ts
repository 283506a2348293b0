/**
 * One connection's requests, parsed as micro_http parses them (src/connection.rs, src/common/headers.rs):
 * bodies by Content-Length only, lines of at most 1,024 bytes, read in windows of as many.
 */
export type Method = 'GET' | 'PUT' | 'PATCH' | 'DELETE';

export interface HttpRequest {
  readonly method: Method;
  readonly path: string;
  /** Undefined without a Content-Length or with one of 0. */
  readonly body: Buffer | undefined;
}

/** What the connection wants done with what it was fed. */
export type HttpEvent =
  { is: 'request'; request: HttpRequest } | { is: 'continue' } | { is: 'error'; message: string };

const WINDOW = 1024;
const CRLF = '\r\n';

class ParseError extends Error {}

interface Head {
  method: Method;
  path: string;
  length: number;
  expect: boolean;
}

function requestLine(line: string): Head {
  const parts = /^([^ ]*) ([^ ]*) (.*)$/s.exec(line);
  if (!parts) throw new ParseError('Invalid request.');
  const [, method = '', uri = '', version = ''] = parts;
  if (method !== 'GET' && method !== 'PUT' && method !== 'PATCH' && method !== 'DELETE') {
    throw new ParseError('Invalid HTTP Method: Unsupported HTTP method.');
  }
  if (uri === '') throw new ParseError('Invalid URI: Empty URI not allowed.');
  if (version !== 'HTTP/1.0' && version !== 'HTTP/1.1') {
    throw new ParseError('Invalid HTTP Version: Unsupported HTTP version.');
  }
  const withoutHost = uri.startsWith('http://') ? (/^http:\/\/[^/]*(\/.*)$/s.exec(uri)?.[1] ?? '') : uri;
  return { method, path: withoutHost.startsWith('/') ? withoutHost : '', length: 0, expect: false };
}

function header(head: Head, line: string): void {
  const colon = line.indexOf(':');
  if (colon < 0)
    throw new ParseError(`Invalid header. Reason: Header is incorrectly formatted. Key: ${line}`);
  const name = line.slice(0, colon);
  const value = line.slice(colon + 1);
  switch (name.trim().toLowerCase()) {
    case 'content-length':
      if (!/^\+?\d+$/.test(value.trim()) || Number(value) > 0xffff_ffff) {
        throw new ParseError(`Invalid header. Reason: Invalid value. Key:${name}; Value:${value}`);
      }
      head.length = Number(value);
      return;
    case 'expect':
      head.expect ||= value.trim() === '100-continue';
      return;
    case 'accept-encoding':
      acceptEncoding(value.trim());
      return;
    default:
  }
}

function acceptEncoding(value: string): void {
  if (value === '') throw new ParseError('Invalid request.');
  for (const encoding of value.split(',')) {
    const refused =
      encoding.trim() === 'identity;q=0' || (encoding.trim() === '*;q=0' && !value.includes('identity'));
    if (refused) {
      throw new ParseError(`Invalid header. Reason: Invalid value. Key:Accept-Encoding; Value:${encoding}`);
    }
  }
}

export class HttpConnection {
  private buffer = Buffer.alloc(0);
  private head: Head | undefined;
  private body: Buffer[] = [];
  private wanted = 0;

  constructor(private readonly payloadLimit: number) {}

  /** Feeds bytes; an error drops what was parsed in the same window, the connection stays. */
  feed(bytes: Buffer): HttpEvent[] {
    const events: HttpEvent[] = [];
    for (let offset = 0; offset < bytes.length;) {
      const end = Math.min(bytes.length, offset + WINDOW - this.buffer.length);
      this.buffer = Buffer.concat([this.buffer, bytes.subarray(offset, end)]);
      offset = end;
      const found: HttpEvent[] = [];
      try {
        this.parse(found);
        events.push(...found);
      } catch (error) {
        if (!(error instanceof ParseError)) throw error;
        this.buffer = Buffer.alloc(0);
        events.push({ is: 'error', message: error.message });
      }
    }
    return events;
  }

  private line(): string | undefined {
    const end = this.buffer.indexOf(CRLF);
    if (end < 0) return undefined;
    const line = this.buffer.toString('utf8', 0, end);
    this.buffer = this.buffer.subarray(end + 2);
    return line;
  }

  private parse(events: HttpEvent[]): void {
    const full = this.buffer.length === WINDOW;
    for (let first = true; ; first = false) {
      if (this.wanted > 0) {
        if (!this.readBody(events)) return;
        continue;
      }
      const line = this.line();
      if (line === undefined) {
        if (full && first) this.tooLong();
        return;
      }
      if (!this.head) this.head = requestLine(line);
      else if (line !== '') header(this.head, line);
      else this.endOfHead(this.head, events);
    }
  }

  private tooLong(): never {
    if (!this.head) throw new ParseError('Invalid request.');
    throw new ParseError(
      `Invalid header. Reason: Invalid content length. Header: ${this.buffer.toString('utf8')}`,
    );
  }

  private endOfHead(head: Head, events: HttpEvent[]): void {
    if (head.length > this.payloadLimit) {
      throw new ParseError(
        `Request payload with size ${head.length} is larger than the limit of ${this.payloadLimit} allowed by server.`,
      );
    }
    if (head.length === 0) {
      this.finish(head, undefined, events);
      return;
    }
    if (head.expect) events.push({ is: 'continue' });
    this.wanted = head.length;
    this.body = [];
  }

  private readBody(events: HttpEvent[]): boolean {
    const part = this.buffer.subarray(0, this.wanted);
    if (part.length === 0) return false;
    this.body.push(Buffer.from(part));
    this.buffer = this.buffer.subarray(part.length);
    this.wanted -= part.length;
    if (this.wanted > 0) return false;
    if (this.head) this.finish(this.head, Buffer.concat(this.body), events);
    return true;
  }

  private finish(head: Head, body: Buffer | undefined, events: HttpEvent[]): void {
    this.head = undefined;
    events.push({ is: 'request', request: { method: head.method, path: head.path, body } });
  }
}
