import {
  createJSONRPCErrorResponse,
  createJSONRPCSuccessResponse,
  JSONRPCServer,
  type JSONRPCResponse,
  type JSONRPCErrorResponse,
} from 'json-rpc-2.0';
import type { Method } from '../api/define.js';
import { internal, notPermitted } from '../api/errors/rpc.js';
import { methodNotFound } from '../api/errors/standard.js';
import { methods } from '../api/index.js';
import type { Meter } from '../metrics/meter.js';
import type { Call, Handlers } from '../methods/call.js';
import type { ActiveCall } from './active-call.js';
import type { Request, RequestId } from './envelope.js';
import { foreseen, wireError, type RpcLog, type WireError } from './faults.js';
import type { ThawError } from '../api/thaw-error.js';
import { nearest } from '../api/nearest.js';
import { paramsCheck } from './params.js';

export interface DispatcherOptions {
  readonly handlers: Handlers;
  readonly log: RpcLog;
  /** Also check what handlers answer against the contract. For tests: it costs more than most handlers do. */
  readonly checkResults?: boolean | undefined;
  readonly meter?: Meter | undefined;
}

type Handler = (params: never, call: Call) => unknown;

/** The table of methods. Takes single requests whose envelope is right; never rejects. */
export class Dispatcher {
  readonly #table: JSONRPCServer<ActiveCall>;
  readonly #options: DispatcherOptions;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    // What goes wrong is caught, logged and worded below, method by method; nothing is left for the package to report.
    this.#table = new JSONRPCServer<ActiveCall>({ errorListener: () => undefined });
    this.#table.mapErrorToJSONRPCErrorResponse = (id) =>
      failure(id, wireError(internal({ what: 'a request could not be dispatched' })));
    this.#table.handleMethodNotFound = ({ id, method }) => {
      const error = methodNotFound(unknownMethod(method), { method });
      this.refused(error);
      return Promise.resolve(id === undefined ? null : failure(id, wireError(error)));
    };
    for (const method of Object.values(methods)) this.#add(method, options.handlers[method.name]);
  }

  /** The answer to a request; null for a notification. */
  run(request: Request, call: ActiveCall): PromiseLike<JSONRPCResponse | null> {
    return this.#table.receive(request, call);
  }

  /** Counts what was refused before its method was known, or asked. */
  refused({ reason }: ThawError): void {
    this.#options.meter?.answered({ method: 'invalid', outcome: reason, milliseconds: 0 });
  }

  #add(method: Method, handler: Handler): void {
    const { name } = method;
    const { log, checkResults, meter } = this.#options;
    const check = paramsCheck(method);
    const answered = (call: ActiveCall, outcome: string): void =>
      meter?.answered({ method: name, outcome, milliseconds: performance.now() - call.begunAt });
    const answer = (call: ActiveCall, result: unknown): JSONRPCResponse | null => {
      if (checkResults) method.result.parse(result);
      answered(call, 'ok');
      return call.id === undefined ? null : createJSONRPCSuccessResponse(call.id, result);
    };
    const fail = (call: ActiveCall, error: unknown): JSONRPCResponse | null => {
      const known = foreseen(error, { method: name, call, log });
      answered(call, known.reason);
      return call.id === undefined ? null : failure(call.id, wireError(known));
    };
    this.#table.addMethodAdvanced(name, (request, call) => {
      try {
        if (method.access === 'change' && call.access !== 'change') {
          throw notPermitted({ method: name, uid: call.peer.uid });
        }
        const params = check(request.params as object | undefined);
        if (method.progress) call.progressToken = tokenOf(params);
        // The table pairs each method with the handler of its params; the compiler can't follow a union that far.
        const result = handler(params as never, call);
        if (!(result instanceof Promise)) return Promise.resolve(answer(call, result));
        return result.then((value) => answer(call, value)).catch((error: unknown) => fail(call, error));
      } catch (error) {
        return Promise.resolve(fail(call, error));
      }
    });
  }
}

function failure(id: RequestId, { code, message, data }: WireError): JSONRPCErrorResponse {
  return createJSONRPCErrorResponse(id, code, message, data);
}

function unknownMethod(name: string): string {
  return `\`${name}\`${nearest(name, Object.keys(methods))}`;
}

function tokenOf(params: unknown): string | number | undefined {
  if (typeof params !== 'object' || params === null || !('progressToken' in params)) return undefined;
  const { progressToken } = params;
  return typeof progressToken === 'string' || typeof progressToken === 'number' ? progressToken : undefined;
}
