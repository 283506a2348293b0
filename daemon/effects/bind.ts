import type { Server } from 'node:net';
import { socketPathTooLong, systemCallFailed } from '../api/errors/host.js';
import { effect, type Context } from '../../plugins/contract.js';
import type { DirectoryLock } from './lock.js';
import { groupId, socketChown, socketClear } from './socket.js';

/** The kernel's bound for a socket's path (unix(7)): Node cuts longer ones off without a word. */
const longestPath = 107;

/** A Unix socket to be made. */
export interface OwnSocket {
  /** Where the socket is made. */
  readonly path: string;
  /** Whose members may connect; where there is no such group, only the owner and root can. */
  readonly group?: string | undefined;
  /** Shows that no other daemon can be about to listen there: a stale socket is removed on its strength. */
  readonly lock: DirectoryLock;
}

/** Where a server listens: at a path, on a socket that systemd has bound, or on a port of this host alone. */
export type Where =
  { readonly path: string } | { readonly fd: number } | { readonly port: number; readonly host: '127.0.0.1' };

/**
 * Binds a server to a Unix socket, 0660, owned by us and the group. What a dead daemon left there is removed first.
 * @throws socketPathTooLong; anotherDaemon where somebody answers there; systemCallFailed
 */
export async function bindOwn(server: Server, { path, group }: OwnSocket, cx: Context): Promise<void> {
  if (Buffer.byteLength(path) > longestPath) throw socketPathTooLong({ path });
  await socketClear(path, cx);
  const gid = group === undefined ? null : await groupId(group, cx);
  await bind({ server, where: { path } }, cx);
  try {
    if (gid !== null) await socketChown({ path, gid }, cx);
  } catch (error) {
    server.close();
    throw error;
  }
}

/** Makes a server listen. @throws systemCallFailed */
export const bind = effect('socket.listen', ({ server, where }: { server: Server; where: Where }) => {
  const mask = process.umask(0o117);
  try {
    return new Promise<void>((resolve, reject) => {
      // Stays after it has served its purpose: an accept that fails later (EMFILE) must not end the daemon.
      server.on('error', (error: NodeJS.ErrnoException) => {
        const errno = error.code ?? 'unknown';
        reject(systemCallFailed({ what: `listen on ${words(where)}`, errno }, { cause: error }));
      });
      // Binds before it returns, so the mask holds for this file alone.
      server.listen({ ...where, backlog: 4096 }, resolve);
    });
  } finally {
    process.umask(mask);
  }
});

function words(where: Where): string {
  if ('path' in where) return where.path;
  return 'port' in where ? `port ${where.port} of ${where.host}` : `descriptor ${where.fd}`;
}
