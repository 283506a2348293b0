import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { diskFull, systemCallFailed } from '../api/errors/host.js';
import { effect, look } from '../../plugins/contract.js';
import { readSmall } from '../../plugins/contract/effects/small-file.js';

// Synchronous: a record is a few kilobytes on a tmpfs, and going through the thread pool costs several times the write.

const half = '.new';

function failed(what: string, error: unknown): Error {
  const { code = 'EIO' } = error as NodeJS.ErrnoException;
  return systemCallFailed({ what, errno: code }, { cause: error });
}

/** Makes the folder of records. Of those that a daemon died over while it wrote them, the halves go. */
export const recordsOpen = effect('record.open', (dir: string) => {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(dir))
      if (name.endsWith(`.json${half}`)) rmSync(join(dir, name), { recursive: true, force: true });
  } catch (error) {
    throw failed(`opening ${dir}`, error);
  }
});

/** Puts a record in place whole: readers see the old one or the new one. No sync: VMs do not outlive the host's crash. */
export const recordWrite = effect('record.write', (file: { path: string; text: string }) => {
  const temporary = `${file.path}${half}`;
  try {
    writeFileSync(temporary, file.text, { mode: 0o600 });
    renameSync(temporary, file.path);
  } catch (error) {
    rmSync(temporary, { force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') throw diskFull({ path: file.path }, { cause: error });
    throw failed(`writing ${file.path}`, error);
  }
});

/** Removes a record; one that is not there is as good. */
export const recordRemove = effect('record.remove', (path: string) => {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    throw failed(`removing ${path}`, error);
  }
});

/**
 * Moves a file that can't be used out of the way, beside the others, so that nothing reads it and nobody loses it: what
 * was set aside earlier under the same name stays. @throws systemCallFailed
 */
export const recordSetAside = effect('record.set-aside', (path: string) => {
  try {
    renameSync(path, freePath(`${path}.unusable`));
  } catch (error) {
    throw failed(`setting ${path} aside`, error);
  }
});

function freePath(wanted: string): string {
  for (let count = 1; ; count += 1) {
    const path = count === 1 ? wanted : `${wanted}.${count}`;
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return path;
  }
}

/** The names of the files that look like records, sorted. */
export const recordsNamed = look('record.names', (dir: string) =>
  readdirSync(dir)
    .filter((name) => name.endsWith('.json'))
    .sort(),
);

/** One of them; null where it is gone. */
export const recordRead = look('record.read', (path: string) => readSmall(path));
