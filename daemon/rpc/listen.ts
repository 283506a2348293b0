import { createServer, type Server, type Socket } from 'node:net';
import { socketPathTooLong, systemCallFailed } from '../api/errors/host.js';
import type { DirectoryLock } from '../effects/lock.js';
import { groupId, socketChown, socketClear } from '../effects/socket.js';
import { effect, type Context } from '../../plugins/contract.js';

/** The kernel's bound for a socket's path (unix(7)): Node cuts longer ones off without a word. */
const longestPath = 107;

export interface ListenOptions {
  /** Where the socket is made. */
  readonly path: string;
  /** Whose members may connect; where there is no such group, only the owner and root can. */
  readonly group?: string | undefined;
  /** Shows that no other daemon can be about to listen there: a stale socket is removed on its strength. */
  readonly lock: DirectoryLock;
}

/** A listening socket. Connections wait, unread, until `accept` says who takes them. */
export class Listener {
  /** Null for a socket that systemd owns. */
  readonly path: string | null;
  readonly #server: Server;
  #waiting: Socket[] = [];
  #accept: ((socket: Socket) => void) | null = null;

  constructor(server: Server, path: string | null) {
    this.#server = server;
    this.path = path;
    server.on('connection', (socket: Socket) => {
      // Until its session has taken it over, a client that goes must not bring the daemon down.
      socket.on('error', () => undefined);
      if (this.#accept) this.#accept(socket);
      else this.#waiting.push(socket);
    });
  }

  /** Hands over every connection, those that wait first. More than `most` at once are closed as they come. */
  accept(most: number, taker: (socket: Socket) => void): void {
    this.#server.maxConnections = most;
    this.#accept = taker;
    for (const socket of this.#waiting.splice(0)) taker(socket);
  }

  /** Calls back for each connection lost before it was taken: too many, or no descriptors left. */
  onLost(callback: (why: string) => void): void {
    this.#server.on('drop', () => callback('too many connections'));
    this.#server.on('error', (error) => callback(error.message));
  }

  /** Stops listening and removes the socket's file, unless it is systemd's. Connections stay. */
  close(): void {
    for (const socket of this.#waiting.splice(0)) socket.destroy();
    // Its callback would wait for the last connection to end; listening ends at once.
    this.#server.close();
  }
}

/**
 * Listens on a Unix socket, 0660, owned by us and the group. What a dead daemon left there is removed first.
 * @throws socketPathTooLong; anotherDaemon where somebody answers there; systemCallFailed
 */
export async function listen(options: ListenOptions, cx: Context): Promise<Listener> {
  const { path } = options;
  if (Buffer.byteLength(path) > longestPath) throw socketPathTooLong({ path });
  await socketClear(path, cx);
  const gid = options.group === undefined ? null : await groupId(options.group, cx);
  const server = await bind({ path }, cx);
  const listener = new Listener(server, path);
  try {
    if (gid !== null) await socketChown({ path, gid }, cx);
  } catch (error) {
    listener.close();
    throw error;
  }
  return listener;
}

/** Listens on a socket that systemd has bound, with the mode and owner of its unit. */
export async function listenHanded(fd: number, cx: Context): Promise<Listener> {
  return new Listener(await bind({ fd }, cx), null);
}

const bind = effect('socket.listen', (where: { path: string } | { fd: number }) => {
  // Half-open: a client that has sent all it will (`nc -N`) still gets its answers.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  const mask = process.umask(0o117);
  try {
    return new Promise<Server>((resolve, reject) => {
      // Stays after it has served its purpose: an accept that fails later (EMFILE) must not end the daemon.
      server.on('error', (error: NodeJS.ErrnoException) => {
        const at = 'path' in where ? where.path : `descriptor ${where.fd}`;
        reject(
          systemCallFailed({ what: `listen on ${at}`, errno: error.code ?? 'unknown' }, { cause: error }),
        );
      });
      // Binds before it returns, so the mask holds for this file alone.
      server.listen({ ...where, backlog: 4096 }, () => resolve(server));
    });
  } finally {
    process.umask(mask);
  }
});
