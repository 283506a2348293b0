import type { MethodName, ParamsOf, ResultOf } from '../daemon/api/index.js';
import { EventStream, type EventItem, type EventOptions } from './events.js';
import { methodTable, type Grouped } from './methods.gen.js';
import { Requests } from './requests.js';
import type { CallOptions, ConnectOptions } from './types.js';

/** A connection to thawd: every method as `client.<namespace>.<name>(params, options)`. */
export interface ThawClient extends Grouped, AsyncDisposable {
  /** The path of the socket. */
  readonly socket: string;
  /**
   * Calls a method by its name.
   * @throws ThawError: the daemon's own with its `detail`, or one of `clientErrors`
   */
  call<N extends MethodName>(name: N, params: ParamsOf<N>, options?: CallOptions): Promise<ResultOf<N>>;
  /**
   * The state, then what happens, over a connection of its own. After a lost connection it goes on where it was, or,
   * where the daemon no longer knows what came in between, with a fresh state. Ends with the signal or the client.
   */
  events(options?: EventOptions): AsyncGenerator<EventItem, void, void>;
  /** Closes the connection; the daemon abandons and undoes what is under way. */
  close(): Promise<void>;
}

const defaultSocket = '/run/thawd/thawd.sock';

/**
 * Connects to thawd.
 * @throws ThawError `daemon-not-running` or `socket-forbidden`, saying what to do
 */
export async function connect(options: ConnectOptions = {}): Promise<ThawClient> {
  options.signal?.throwIfAborted();
  const socket = options.socket ?? (process.env['THAW_SOCKET'] || defaultSocket);
  const requests = new Requests(socket, options);
  await requests.open();
  const streams = new Set<EventStream>();

  const close = async (): Promise<void> => {
    options.signal?.removeEventListener('abort', onAbort);
    for (const stream of streams) stream.stop();
    await requests.close();
  };
  const onAbort = (): void => void close();
  options.signal?.addEventListener('abort', onAbort);

  async function* events({ since, signal }: EventOptions = {}): AsyncGenerator<EventItem, void, void> {
    const stream = new EventStream(socket, options.reconnect ?? {}, since);
    const stop = (): void => stream.stop();
    if (signal?.aborted) return;
    signal?.addEventListener('abort', stop);
    streams.add(stream);
    try {
      yield* stream.items();
    } finally {
      streams.delete(stream);
      signal?.removeEventListener('abort', stop);
    }
  }

  return {
    ...grouped(requests),
    socket,
    call: (name, params, callOptions = {}) =>
      requests.call(name, params, callOptions) as Promise<ResultOf<typeof name>>,
    events,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The table of names as objects of functions; {@link Grouped} is what the compiler knows of it. */
function grouped(requests: Requests): Grouped {
  const groups: Record<string, Record<string, unknown>> = {};
  for (const name of Object.keys(methodTable) as MethodName[]) {
    const [space = '', method = ''] = name.split('.');
    if (space === 'events') continue;
    const group = (groups[space] ??= {});
    group[method] = (params: object = {}, options: CallOptions = {}) => requests.call(name, params, options);
  }
  return groups as unknown as Grouped;
}
