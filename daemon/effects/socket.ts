import { chownSync, lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import koffi from 'koffi';
import { anotherDaemon, systemCallFailed } from '../api/errors/host.js';
import { effect, look } from '../../plugins/contract.js';

const libc = koffi.load('libc.so.6');
const group = koffi.struct({ name: 'str', password: 'str', gid: 'uint32', members: 'void *' });
const getgrnam = libc.func('getgrnam', koffi.pointer(group), ['str']);

/** The number of a group, by whatever names groups on this host (nsswitch.conf); null where there is none. */
export const groupId = look('group.id', (name: string): number | null => {
  const found: unknown = getgrnam(name);
  if (found === null) return null;
  const { gid } = koffi.decode(found, group) as { gid: number };
  return gid;
});

/** Gives a socket to a group; its owner stays. */
export const socketChown = effect('socket.chown', (to: { path: string; gid: number }) => {
  chownSync(to.path, process.getuid?.() ?? 0, to.gid);
});

/**
 * Removes the socket that a dead daemon left at `path`. The caller holds the daemon's lock, so nobody can bind
 * between the look and the unlink.
 * @throws anotherDaemon where somebody answers there; systemCallFailed where it is no socket
 */
export const socketClear = effect('socket.clear', async (path: string) => {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket())
    throw systemCallFailed({ what: `listen on ${path}, which is no socket`, errno: 'EEXIST' });
  if (await answers(path)) throw anotherDaemon({ dir: path });
  unlinkSync(path);
});

/** Whether anybody listens: a full backlog (EAGAIN) also says so, only ECONNREFUSED and ENOENT say nobody does. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
  });
}
