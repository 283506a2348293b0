import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { diskFull, systemCallFailed } from '../api/errors/host.js';
import { effect, look } from '../../plugins/contract.js';

// Synchronous: a record is a few kilobytes on a tmpfs, and going through the thread pool costs several times the write.

/** Makes the folder of records. */
export const recordsOpen = effect('record.open', (dir: string) => {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
});

/** Puts a record in place whole: readers see the old one or the new one. No sync: VMs do not outlive the host's crash. */
export const recordWrite = effect('record.write', (file: { path: string; text: string }) => {
  const temporary = `${file.path}.new`;
  try {
    writeFileSync(temporary, file.text, { mode: 0o600 });
    renameSync(temporary, file.path);
  } catch (error) {
    rmSync(temporary, { force: true });
    const { code = 'EIO' } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') throw diskFull({ path: file.path }, { cause: error });
    throw systemCallFailed({ what: `writing ${file.path}`, errno: code }, { cause: error });
  }
});

/** Removes a record; one that is not there is as good. */
export const recordRemove = effect('record.remove', (path: string) => {
  rmSync(path, { force: true });
});

/** Moves a file that can't be used out of the way, beside the others, so that nothing reads it and nobody loses it. */
export const recordSetAside = effect('record.set-aside', (path: string) => {
  const aside = `${path}.unusable`;
  renameSync(path, aside);
  return aside;
});

/** The names of the files that look like records. */
export const recordsNamed = look('record.names', (dir: string) =>
  readdirSync(dir).filter((name) => name.endsWith('.json')),
);

/** The files of the folder that look like records, with their text; null where one can't be read. */
export const recordsRead = look('record.read', (dir: string) =>
  readdirSync(dir)
    .filter((name) => name.endsWith('.json'))
    .map((name) => {
      const path = join(dir, name);
      try {
        return { path, text: readFileSync(path, 'utf8') };
      } catch {
        return { path, text: null };
      }
    }),
);
