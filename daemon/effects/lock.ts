import { closeSync, constants, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { anotherDaemon, systemCallFailed } from '../api/errors/host.js';
import { effect } from '../../plugins/contract.js';

const LOCK_EX = 2;
const LOCK_NB = 4;

const flock = koffi.load('libc.so.6').func('int flock(int fd, int operation)');

/** Held until closed or until this process ends, however it ends: the kernel lets go, so no lock is ever stale. */
export interface DirectoryLock {
  readonly path: string;
  close(): void;
}

/**
 * Takes the lock on a directory that only one daemon may use, as `flock` on `path` in it (made where missing, 0600,
 * and left there: unlinking a lock file would let two hold it).
 * @throws anotherDaemon where somebody holds it
 */
export const lockTake = effect('lock.take', (path: string): DirectoryLock => {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  if (flock(fd, LOCK_EX | LOCK_NB) !== 0) {
    const errno = getSystemErrorName(-koffi.errno());
    closeSync(fd);
    if (errno === 'EAGAIN') throw anotherDaemon({ dir: dirname(path) });
    throw systemCallFailed({ what: `flock on ${path}`, errno });
  }
  let open = true;
  const close = (): void => {
    if (open) closeSync(fd);
    open = false;
  };
  return { path, close };
});
