import type { Access } from '../api/define.js';
import type { CheckedParamsOf, MethodName, ResultOf } from '../api/index.js';
import type { ProgressParams } from '../api/rpc.js';

/** Who is at the other end of the socket, by the kernel's word (SO_PEERCRED); one object for each connection. */
export interface Peer {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** One request being answered. */
export interface Call {
  readonly peer: Peer;
  readonly access: Access;
  /** Aborts on `$/cancelRequest` and when the client is gone; its reason is a ThawError. */
  readonly signal: AbortSignal;
  /** Sends a notification on the request's connection; false where the reader is too slow to take more. */
  notify(method: string, params: unknown): boolean;
  /** Reports progress, where the caller gave a token. */
  progress(report: Omit<ProgressParams, 'token'>): void;
  /** Calls back once the connection has closed; returns how to stop that. */
  onClose(callback: () => void): () => void;
  /**
   * Calls back once this request has been answered, then whenever the reader has caught up after `notify` said false;
   * returns how to stop that. What is sent from the callback stands after the answer on the wire.
   */
  onWritable(callback: () => void): () => void;
}

/** A handler of each method. Params are checked before, access too. */
export type Handlers = {
  readonly [N in MethodName]: (params: CheckedParamsOf<N>, call: Call) => Promise<ResultOf<N>> | ResultOf<N>;
};
