import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';

/** What a small file says, or why nobody should go by it. */
export type SmallFile =
  { readonly ok: true; readonly text: string } | { readonly ok: false; readonly why: string };

/** Bytes that a record or a manifest may have; the largest that thaw writes are some hundred kilobytes. */
const most = 4 * 1024 * 1024;

/**
 * Reads a small file that this daemon, or one before it, has written: an ordinary file of our own user that nobody else
 * can change. Links are not followed, FIFOs and devices not opened, and never more is read than such a file can have.
 * Synchronous: going through the thread pool costs several times the read.
 * @returns null where there is none @throws what Node throws where the file system itself is at fault (EIO, EMFILE)
 */
export function readSmall(path: string): SmallFile | null {
  const refuse = (why: string): SmallFile => ({ ok: false, why });
  try {
    const kind = lstatSync(path);
    if (kind.isSymbolicLink()) return refuse('it is a symbolic link');
    if (!kind.isFile()) return refuse('it is no ordinary file');
    // Not blocking, lest it has become a FIFO in between.
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const found = fstatSync(file);
      if (!found.isFile()) return refuse('it is no ordinary file');
      if (found.uid !== process.geteuid?.()) return refuse(`it belongs to user ${found.uid}`);
      if ((found.mode & 0o022) !== 0)
        return refuse(`others may write to it (mode ${(found.mode & 0o7777).toString(8)})`);
      if (found.size > most) return refuse(`it has ${found.size} bytes, and at most ${most} are read`);
      return { ok: true, text: readWhole(file, found.size) };
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    if (code === 'ELOOP') return refuse('it is a symbolic link');
    throw error;
  }
}

/** As much as it had a moment ago: one that grows meanwhile is torn, which its text shows. */
function readWhole(file: number, size: number): string {
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  while (at < size) {
    const read = readSync(file, bytes, at, size - at, at);
    if (read === 0) break;
    at += read;
  }
  return bytes.toString('utf8', 0, at);
}
