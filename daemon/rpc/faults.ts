import { randomBytes } from 'node:crypto';
import { internal } from '../api/errors/rpc.js';
import { ThawError } from '../api/thaw-error.js';
import type { ActiveCall } from './active-call.js';

/** What the socket's parts log with; pino's form. */
export interface RpcLog {
  debug(data: object, message: string): void;
  info(data: object, message: string): void;
  warn(data: object, message: string): void;
  error(data: object, message: string): void;
}

/** An error as it stands in an answer. */
export interface WireError {
  readonly code: number;
  readonly message: string;
  readonly data: object;
}

export function wireError(error: ThawError): WireError {
  return { code: error.code, message: error.message, data: error.detail };
}

/**
 * Whatever a handler threw, as an entry of the registry. What nobody has foreseen stays in the log, whole; the caller
 * gets an incident's number to find it by, not our insides.
 */
export function foreseen(error: unknown, at: { method: string; call: ActiveCall; log: RpcLog }): ThawError {
  if (error instanceof ThawError && !internal.is(error)) return error;
  const { call, method, log } = at;
  // Node's own calls throw an AbortError that only points to the reason.
  if (call.aborted && error instanceof Error && error.name === 'AbortError') return call.aborted;
  const incident = `inc-${randomBytes(5).toString('hex')}`;
  log.error(
    { incident, method, id: call.id, peer: call.peer, err: error },
    'a handler failed in an unforeseen way',
  );
  const what = `${method} failed, incident ${incident}`;
  const fault = internal.is(error) ? error : internal({ what }, { cause: error });
  return fault.knowing({ incident });
}
