import type { MethodName, ParamsOf, ResultOf } from '../daemon/api/index.js';
import type { ProgressParams } from '../daemon/api/rpc.js';

/** What a step of the daemon's says while a request is answered. */
export type Progress = Omit<ProgressParams, 'token'>;

export interface CallOptions {
  /**
   * Asks the daemon to abandon the request. The call then waits until the daemon has undone what it did, and throws
   * `cancelled`; where it was too late for that, it returns the result.
   */
  readonly signal?: AbortSignal | undefined;
  /** Called for each step, for methods that report progress. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Milliseconds after which the request is cancelled like by `signal`; the call then throws `deadline-exceeded`. */
  readonly timeoutMs?: number | undefined;
}

/** Params may be left out where every one of them may be. */
export type Callable<N extends MethodName> =
  Record<string, never> extends ParamsOf<N>
    ? (params?: ParamsOf<N>, options?: CallOptions) => Promise<ResultOf<N>>
    : (params: ParamsOf<N>, options?: CallOptions) => Promise<ResultOf<N>>;

export interface ReconnectOptions {
  /** Milliseconds before the second try; doubled for each further one. */
  readonly firstDelayMs?: number | undefined;
  readonly longestDelayMs?: number | undefined;
  /** Milliseconds after which what waits for a connection fails. */
  readonly giveUpMs?: number | undefined;
}

export interface ConnectOptions {
  /** Path of the daemon's socket; by default $THAW_SOCKET, or else /run/thawd/thawd.sock. */
  readonly socket?: string | undefined;
  /** Closes the client. */
  readonly signal?: AbortSignal | undefined;
  /** False: everything fails once the connection is lost. */
  readonly reconnect?: ReconnectOptions | false | undefined;
  /** Milliseconds to wait for the answer to a cancelled request: the daemon undoes what it did first. */
  readonly cancelGraceMs?: number | undefined;
}
