import { createServer, type Server, type Socket } from 'node:net';
import { bind, bindOwn, type OwnSocket } from '../effects/bind.js';
import type { Context } from '../../plugins/contract.js';

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
export async function listen(own: OwnSocket, cx: Context): Promise<Listener> {
  const server = unbound();
  await bindOwn(server, own, cx);
  return new Listener(server, own.path);
}

/** Listens on a socket that systemd has bound, with the mode and owner of its unit. */
export async function listenHanded(fd: number, cx: Context): Promise<Listener> {
  const server = unbound();
  await bind({ server, where: { fd } }, cx);
  return new Listener(server, null);
}

/** Half-open: a client that has sent all it will (`nc -N`) still gets its answers. */
const unbound = (): Server => createServer({ allowHalfOpen: true, pauseOnConnect: true });
