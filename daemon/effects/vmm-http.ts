import { Agent, request, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';

/** An answer as it came: a status and a body, which Firecracker itself does not always make valid JSON. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

export interface HttpAsk {
  readonly method: 'GET' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** JSON. Never with GET and DELETE, which Firecracker refuses with a body. */
  readonly body?: string;
}

/** An answer is a few kB; more is no Firecracker. */
const longestAnswer = 4 * 1024 * 1024;

/** The connection closed before an answer, or there was none to be had. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** What answered is no HTTP, or too much of it. */
export class AnswerGarbled extends Error {
  override readonly name = 'AnswerGarbled';
}

/**
 * One connection to an HTTP server on a Unix socket, kept open between requests, opened again after it closed. Its
 * user sends one request at a time.
 */
export class HttpLink {
  readonly #path: string;
  readonly #agent: Agent;
  #socket: Socket | null = null;
  #closing = false;
  readonly #onClose: () => void;

  /** `onClose` is called when the other side ends the connection: the server's end, as a rule. */
  constructor(path: string, onClose: () => void) {
    this.#path = path;
    this.#onClose = onClose;
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1, maxFreeSockets: 1 });
    this.#agent.createConnection = () => this.#open();
  }

  #open(): Socket {
    const socket = connect({ path: this.#path });
    this.#socket = socket;
    socket.once('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      if (!this.#closing) this.#onClose();
    });
    // What the other side says before it closes (a 503 for one connection too many) is the request's matter; between
    // requests an error is followed by `close`.
    socket.on('error', () => undefined);
    return socket;
  }

  /** Sends one request. Once `signal` aborts, the connection is given up: what became of the request is not known. */
  async ask({ method, path, body }: HttpAsk, signal: AbortSignal): Promise<HttpAnswer> {
    signal.throwIfAborted();
    return await new Promise<HttpAnswer>((resolve, reject) => {
      const settled = (): void => signal.removeEventListener('abort', abort);
      const fail = (error: Error): void => {
        settled();
        reject(error);
      };
      const headers = body === undefined ? {} : jsonHeaders(body);
      const asked = request({ agent: this.#agent, host: 'localhost', method, path, headers }, (answer) => {
        collect(answer).then((text) => {
          settled();
          resolve({ status: answer.statusCode ?? 0, body: text });
        }, fail);
      });
      const abort = (): void => {
        reject(signal.reason instanceof Error ? signal.reason : new ConnectionLost('aborted'));
        this.drop();
        asked.destroy();
      };
      signal.addEventListener('abort', abort, { once: true });
      asked.once('error', (error) => fail(translate(error)));
      asked.end(body);
    });
  }

  /** Gives the connection up without telling; the next request opens another. */
  drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.destroy();
  }

  close(): void {
    this.#closing = true;
    this.#agent.destroy();
    this.drop();
  }
}

function jsonHeaders(body: string): Record<string, string | number> {
  // Always a length: Firecracker does not decode chunks.
  return { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
}

async function collect(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const part of answer as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > longestAnswer) throw new AnswerGarbled(`more than ${longestAnswer} bytes`);
      parts.push(part);
    }
  } catch (error) {
    throw error instanceof Error ? translate(error) : new ConnectionLost(String(error));
  }
  return Buffer.concat(parts).toString('utf8');
}

/** HTTP parser errors have codes of their own (`HPE_…`); all others are the connection's. */
function translate(error: Error): Error {
  if (error instanceof AnswerGarbled) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const garbled = code.startsWith('HPE_') || code === 'ERR_HTTP_HEADERS_SENT';
  return garbled
    ? new AnswerGarbled(error.message, { cause: error })
    : new ConnectionLost(error.message, { cause: error });
}
