import {
  constants,
  closeSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { effect, look } from '../../plugins/contract.js';

/** What cutting a log keeps, beside it: the end of what was in it. */
export const olderLog = (path: string): string => `${path}.1`;

/**
 * Cuts a log that has grown over `most` bytes: its last `most` go into the file beside it, in place of what was there, and
 * it is empty. Whoever writes goes on: it was opened for appending, so its next line is the first. A pipe through the daemon
 * would bound it too, and end the VMM with the daemon. Synchronous, so that what comes between the last read and the cut is
 * a line at most.
 * @returns whether it was cut; a log that is not there is small
 */
export const vmmLogCut = effect('vmm.log-cut', ({ path, most }: { path: string; most: number }): boolean => {
  let fd;
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  const temporary = `${path}.new`;
  try {
    const { size } = fstatSync(fd);
    if (size <= most) return false;
    const kept = Buffer.alloc(most);
    const length = readSync(fd, kept, 0, most, size - most);
    try {
      writeFileSync(temporary, kept.subarray(0, length), { mode: 0o600 });
      renameSync(temporary, olderLog(path));
    } catch (error) {
      // No space for the older part is no reason to let the log take all that is left.
      rmSync(temporary, { force: true });
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
    ftruncateSync(fd, 0);
    return true;
  } finally {
    closeSync(fd);
  }
});

/** Bytes of a log; 0 where there is none. */
export const vmmLogSize = look('vmm.log-size', (path: string): number => {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isFile() === true ? found.size : 0;
});
