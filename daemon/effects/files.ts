import { constants } from 'node:fs';
import { open, readlink } from 'node:fs/promises';
import { fileMissing, fileReplaced } from '../api/errors/host.js';
import type { Content, Inode } from '../api/shapes/file.js';
import { look } from '../../plugins/contract.js';
import { contentOf, inodeOf, sameInode } from './inode.js';

/** A file that somebody has named, and what it is for. */
export interface NamedFile {
  readonly path: string;
  /** In words, e.g. `kernel`. */
  readonly what: string;
  readonly write: boolean;
  /** Which file it must be, where its name was judged before. */
  readonly inode?: Inode | undefined;
}

/** A file as it was found. */
export interface FoundFile {
  /** Its real path, as the kernel has it. */
  readonly path: string;
  readonly inode: Inode;
  /** Null for a block device. */
  readonly content: Content | null;
}

const swapped = (path: string): Error => fileReplaced({ path, why: 'another one stands in its place' });

/**
 * Proves that a named file is there, regular or a block device, and can be opened as it must be.
 * @throws fileMissing, fileReplaced
 */
export const fileProve = look('file.prove', async (wanted: NamedFile): Promise<FoundFile> => {
  const { path, what, write, inode } = wanted;
  try {
    // Opened as its user will: on an overlay a file becomes another one when it is first opened for writing. Never
    // blocks: what looks like a file may be a FIFO.
    const flags = (write ? constants.O_RDWR : constants.O_RDONLY) | constants.O_NONBLOCK;
    await using file = await open(path, flags);
    const found = await file.stat({ bigint: true });
    if (inode && !sameInode(inode, inodeOf(found))) throw swapped(path);
    if (!found.isFile() && !found.isBlockDevice()) throw fileMissing({ path, what, why: 'it is not a file' });
    return {
      path: await readlink(`/proc/self/fd/${file.fd}`),
      inode: inodeOf(found),
      content: found.isFile() ? contentOf(found) : null,
    };
  } catch (cause) {
    throw unreadable(cause, { path, what });
  }
});

/** Bytes of the largest text that is read whole: a kernel's configuration has some 250,000. */
const largestText = 4_000_000;

/** Bytes of the largest file that is put into a guest: an agent with all that it needs inside. */
const largestFile = 64_000_000;

/** A file whose name was judged: by a root's rules, where that tells which file it must still be. */
export type JudgedFile = Pick<NamedFile, 'path' | 'inode'>;

/** The text of a regular file. @throws fileReplaced; fileMissing where it is none, or larger than 4 MB */
export const fileText = look('file.text', async (file: JudgedFile) =>
  (await whole({ ...file, what: 'text file', most: largestText })).toString('utf8'),
);

/** The bytes of a regular file. @throws fileReplaced; fileMissing where it is none, or larger than 64 MB */
export const fileBytes = look('file.bytes', (file: JudgedFile) =>
  whole({ ...file, what: 'file', most: largestFile }),
);

async function whole(of: JudgedFile & { what: string; most: number }): Promise<Buffer> {
  const { path, inode, what, most } = of;
  const refuse = (why: string) => fileMissing({ path, what, why });
  try {
    // Never blocks: what looks like a file may be a FIFO.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = await file.stat({ bigint: true });
    if (inode && !sameInode(inode, inodeOf(found))) throw swapped(path);
    if (!found.isFile()) throw refuse('it is not a file');
    if (found.size > most) throw refuse(`it is larger than ${most / 1e6} MB`);
    return await file.readFile();
  } catch (cause) {
    throw unreadable(cause, { path, what });
  }
}

/** What the system says of a named file, as an error of ours. */
function unreadable(cause: unknown, file: { path: string; what: string }): unknown {
  const { code } = cause as NodeJS.ErrnoException;
  return typeof code === 'string' ? fileMissing({ ...file, why: code }, { cause }) : cause;
}
