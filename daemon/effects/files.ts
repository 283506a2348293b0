import { constants } from 'node:fs';
import { access, open, realpath, stat } from 'node:fs/promises';
import { fileMissing } from '../api/errors/host.js';
import { look } from '../../plugins/contract.js';

/** A file that somebody has named, and what it is for. */
export interface NamedFile {
  readonly path: string;
  /** In words, e.g. `kernel`. */
  readonly what: string;
  readonly write: boolean;
}

/**
 * Proves that a named file is there, regular or a block device, and can be opened as it must be.
 * @returns its real path
 * @throws fileMissing
 */
export const fileProve = look('file.prove', async ({ path, what, write }: NamedFile) => {
  try {
    const real = await realpath(path);
    const found = await stat(real);
    if (!found.isFile() && !found.isBlockDevice()) throw fileMissing({ path, what, why: 'it is not a file' });
    await access(real, constants.R_OK | (write ? constants.W_OK : 0));
    return real;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (typeof code !== 'string') throw cause;
    throw fileMissing({ path, what, why: code }, { cause });
  }
});

/** Bytes of the largest text that is read whole: a kernel's configuration has some 250,000. */
const largestText = 4_000_000;

/** Bytes of the largest file that is put into a guest: an agent with all that it needs inside. */
const largestFile = 64_000_000;

/** The text of a regular file. @throws fileMissing where it is none, or larger than 4 MB */
export const fileText = look('file.text', async (path: string) =>
  (await whole(path, { what: 'text file', most: largestText })).toString('utf8'),
);

/** The bytes of a regular file. @throws fileMissing where it is none, or larger than 64 MB */
export const fileBytes = look('file.bytes', (path: string) =>
  whole(path, { what: 'file', most: largestFile }),
);

async function whole(path: string, { what, most }: { what: string; most: number }): Promise<Buffer> {
  const refuse = (why: string, cause?: unknown) => fileMissing({ path, what, why }, { cause });
  try {
    // Never blocks: what looks like a file may be a FIFO.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = await file.stat();
    if (!found.isFile()) throw refuse('it is not a file');
    if (found.size > most) throw refuse(`it is larger than ${most / 1e6} MB`);
    return await file.readFile();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (typeof code !== 'string') throw cause;
    throw refuse(code, cause);
  }
}
