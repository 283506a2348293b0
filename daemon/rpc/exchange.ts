import { createJSONRPCErrorResponse, type JSONRPCResponse } from 'json-rpc-2.0';
import { cancelled, stopping, tooManyInFlight } from '../api/errors/rpc.js';
import { invalidRequest } from '../api/errors/standard.js';
import { CancelParams } from '../api/rpc.js';
import { ThawError } from '../api/thaw-error.js';
import { ActiveCall, type Connection } from './active-call.js';
import type { Dispatcher } from './dispatcher.js';
import { readLine, Refusal, type Request, type RequestId } from './envelope.js';
import { foreseen, wireError, type RpcLog } from './faults.js';
import type { Limits } from './limits.js';

export interface ExchangeOptions {
  readonly connection: Connection;
  readonly dispatcher: Dispatcher;
  readonly limits: Limits;
  readonly log: RpcLog;
  /** Sends one line. */
  readonly send: (line: string) => void;
  /** Whether new work is refused because the daemon stops. */
  readonly stopping: () => boolean;
  /** Told whenever a line has been answered for good. */
  readonly onAnswered: () => void;
}

/** The requests of one connection: from lines to answers, which go out in the order in which they are done. */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #calls = new Set<ActiveCall>();

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  /** Requests whose answers have not been sent. */
  get inFlight(): number {
    return this.#calls.size;
  }

  /** Answers one line, or what was wrong with it before it could be read. */
  take(line: string | ThawError): void {
    const read = line instanceof ThawError ? new Refusal(line) : readLine(line, this.#options.limits);
    if (Array.isArray(read)) {
      this.#batch(read);
      return;
    }
    const begun = this.#begin(read);
    if (begun === null) return;
    if (begun instanceof Refusal) this.#options.send(failureText(begun));
    else void begun.response.then((response) => this.#answer(begun.call, response));
  }

  /** Aborts all that is under way. */
  abort(reason: ThawError): void {
    for (const call of this.#calls) call.abort(reason);
  }

  #answer(call: ActiveCall, response: JSONRPCResponse | null): void {
    this.#calls.delete(call);
    if (response) this.#options.send(this.#text(call, response));
    call.answered();
    this.#options.onAnswered();
  }

  /** One array when all are done, in the order asked; nothing at all where there are only notifications. */
  #batch(entries: (Request | Refusal)[]): void {
    const begun = entries.map((entry) => this.#begin(entry)).filter((entry) => entry !== null);
    const answers = begun.map(async (entry) => {
      if (entry instanceof Refusal) return failureText(entry);
      const response = await entry.response;
      return response && this.#text(entry.call, response);
    });
    void Promise.all(answers).then((texts) => {
      const present = texts.filter((text) => text !== null);
      if (present.length > 0) this.#options.send(`[${present.join(',')}]`);
      for (const entry of begun) {
        if (entry instanceof Refusal) continue;
        this.#calls.delete(entry.call);
        entry.call.answered();
      }
      this.#options.onAnswered();
    });
  }

  /** Starts a request; null where there is nothing to answer. */
  #begin(
    request: Request | Refusal,
  ): Refusal | null | { call: ActiveCall; response: PromiseLike<JSONRPCResponse | null> } {
    const { limits, connection, dispatcher } = this.#options;
    if (request instanceof Refusal) {
      dispatcher.refused(request.error);
      return request;
    }
    if (request.method === '$/cancelRequest') return this.#cancel(request);
    const refused = this.#options.stopping()
      ? stopping({})
      : this.#calls.size >= limits.inFlight
        ? tooManyInFlight({ limit: limits.inFlight })
        : null;
    if (refused) dispatcher.refused(refused);
    if (refused) return request.id === undefined ? null : new Refusal(refused, request.id);
    const call = new ActiveCall(connection, request.id);
    this.#calls.add(call);
    return { call, response: dispatcher.run(request, call) };
  }

  /** Several requests may share an id, unwise as it is: all of them are meant. */
  #cancel(request: Request): Refusal | null {
    if (request.id !== undefined) {
      return new Refusal(invalidRequest('`$/cancelRequest` is a notification: it has no id'), request.id);
    }
    const params = CancelParams.safeParse(request.params);
    if (!params.success) return null;
    for (const call of this.#calls) if (call.id === params.data.id) call.abort(cancelled({ by: 'client' }));
    return null;
  }

  #text(call: ActiveCall, response: JSONRPCResponse): string {
    try {
      if (response.error) return JSON.stringify(response);
      // Put together by hand: half the time of making JSON of the whole.
      const id = typeof response.id === 'number' ? response.id : JSON.stringify(response.id);
      return `{"jsonrpc":"2.0","id":${id},"result":${JSON.stringify(response.result)}}`;
    } catch (error) {
      const known = foreseen(error, { method: 'making JSON of an answer', call, log: this.#options.log });
      return failureText({ id: response.id, error: known });
    }
  }
}

/** The line of an error's answer. */
export function failureText({ id, error }: { id: RequestId; error: ThawError }): string {
  const { code, message, data } = wireError(error);
  return JSON.stringify(createJSONRPCErrorResponse(id, code, message, data));
}
