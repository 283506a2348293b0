import type { Socket } from 'node:net';
import type { Access } from '../api/define.js';
import { noAccess, stopping } from '../api/errors/rpc.js';
import { peerCredentials, peerGone } from '../effects/peer.js';
import type { Meter } from '../metrics/meter.js';
import type { Handlers, Peer } from '../methods/call.js';
import type { Context, Probe } from '../../plugins/contract.js';
import { Dispatcher } from './dispatcher.js';
import { failureText } from './exchange.js';
import type { RpcLog } from './faults.js';
import { defaultLimits, type Limits } from './limits.js';
import type { Listener } from './listen.js';
import { Session } from './session.js';

export interface ServeOptions {
  readonly listener: Listener;
  readonly handlers: Handlers;
  /** What a caller may do; null refuses the connection. */
  readonly accessOf: (peer: Peer) => Access | null;
  readonly log: RpcLog;
  readonly meter?: Meter | undefined;
  /** Where they differ from {@link defaultLimits}. */
  readonly limits?: Partial<Limits> | undefined;
  /** Also check results against the contract: for tests. */
  readonly checkResults?: boolean | undefined;
  /** Where the socket's own looks are reported, and faults injected. */
  readonly probe?: Probe | undefined;
}

/** The daemon's socket being served. */
export interface RpcServer {
  /** Requests being answered or undone, on all connections. */
  readonly inFlight: number;
  readonly connections: number;
  /** Connections that there were, those that are there included. */
  readonly taken: number;
  /**
   * Listens no more, where nobody is connected and nothing is under way: whoever connects from now on waits in the
   * queue of a socket that is systemd's, for the next daemon. False, and nothing is done, where somebody is.
   */
  leave(): boolean;
  /**
   * Takes no more connections and no more work, gives what is under way `deadlineMs` to finish, aborts the rest and
   * gives it as long again to undo what it did; then sends the last answers and closes.
   */
  close(deadlineMs: number): Promise<void>;
}

const quiet: Probe = { effect: () => undefined };
/** Milliseconds for a client to read its last answers. */
const lastRead = 1_000;

/** Serves the methods on a listener, which it owns from now on. */
export function serve(options: ServeOptions): RpcServer {
  const { listener, log } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const cx: Context = { signal: new AbortController().signal, probe: options.probe ?? quiet };
  const dispatcher = new Dispatcher(options);
  const sessions = new Set<Session>();
  let taken = 0;
  /** Of those, connections whose session is not yet there. */
  let opening = 0;
  let closing: Promise<void> | null = null;
  let onIdle: (() => void) | null = null;
  const inFlight = (): number => {
    let sum = 0;
    for (const session of sessions) sum += session.inFlight;
    return sum;
  };

  const connections = (): number => opening + [...sessions].filter((session) => !session.closed).length;

  const open = async (socket: Socket): Promise<void> => {
    const peer = await peerCredentials(descriptorOf(socket), cx);
    const access = options.accessOf(peer);
    if (access === null || closing) {
      const error = closing ? stopping({}) : noAccess({ uid: peer.uid });
      socket.end(`${failureText({ id: null, error })}\n`);
      socket.resume();
      return;
    }
    const session = new Session({
      socket,
      peer,
      access,
      dispatcher,
      limits,
      log,
      gone: () => peerGone(descriptorOf(socket), cx),
      stopping: () => closing !== null,
      onAnswered: () => {
        if (session.closed) forget();
        if (onIdle && inFlight() === 0) onIdle();
      },
    });
    // A client may be gone while what it asked for is still being undone: that counts until it is over.
    const forget = (): void => {
      if (session.inFlight === 0) sessions.delete(session);
    };
    sessions.add(session);
    session.onClose(forget);
  };

  listener.onLost((why) => log.warn({ why }, 'a connection could not be taken'));
  listener.accept(limits.connections, (socket) => {
    taken += 1;
    opening += 1;
    open(socket)
      .catch((error: unknown) => {
        log.warn({ err: error }, 'a connection could not be taken');
        socket.destroy();
      })
      .finally(() => (opening -= 1));
  });

  const idle = (milliseconds: number): Promise<void> =>
    new Promise((resolve) => {
      if (inFlight() === 0) {
        resolve();
        return;
      }
      const timer = setTimeout(() => onIdle?.(), milliseconds);
      onIdle = () => {
        clearTimeout(timer);
        onIdle = null;
        resolve();
      };
    });
  const close = async (deadlineMs: number): Promise<void> => {
    listener.close();
    await idle(deadlineMs);
    for (const session of sessions) session.abort(stopping({}));
    await idle(deadlineMs);
    await Promise.all([...sessions].map((session) => session.close(lastRead)));
  };
  return {
    get inFlight() {
      return inFlight();
    },
    get connections() {
      return connections();
    },
    get taken() {
      return taken;
    },
    leave: () => {
      if (connections() > 0 || inFlight() > 0) return false;
      listener.close();
      return true;
    },
    close: (deadlineMs) => (closing ??= close(deadlineMs)),
  };
}

/** The number behind a socket of Node's, which keeps it to itself; -1 once it is closed. */
function descriptorOf(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return -1;
  return typeof handle.fd === 'number' ? handle.fd : -1;
}
