import { type BigIntStats, constants } from 'node:fs';
import { chmod, lstat, mkdir, open, readdir, rename, rm, rmdir, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { effect, look } from '../../contract.js';
import { readSmall } from '../../contract/effects/small-file.js';
import { ifThere, onDisk } from './faults.js';

/** Makes the store's folders where they are missing; what lies in them is for root's eyes only. */
export const openStore = effect(
  'store.open',
  ({ dir, folders }: { dir: string; folders: readonly string[] }) =>
    onDisk('making', dir, async () => {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      for (const folder of folders) {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await chmod(folder, 0o700);
      }
    }),
);

/** The names in a folder, sorted. */
export const listFolder = look('store.list', (dir: string) =>
  onDisk('reading', dir, async () => (await ifThere(() => readdir(dir)))?.sort() ?? []),
);

/** The text of a small file of ours, or why it can't be used; null where there is none. */
export const readText = look('store.read', (path: string) =>
  onDisk('reading', path, () => Promise.resolve(readSmall(path))),
);

/** What the file system says of a file, links not followed; null where there is none. */
export const measure = look('store.measure', (path: string): Promise<BigIntStats | null> =>
  onDisk('looking at', path, () => ifThere(() => lstat(path, { bigint: true }))),
);

/** Makes a new folder of root's with one inside it. */
export const makeDraft = effect('store.draft', ({ dir, inner }: { dir: string; inner: string }) =>
  onDisk('making', dir, async () => {
    await mkdir(dir, { mode: 0o700 });
    try {
      await mkdir(join(dir, inner), { mode: 0o700 });
    } catch (error) {
      await rmdir(dir);
      throw error;
    }
  }),
);

/** Makes a file read-only, brings it to the disk, and says what it is from now on. */
export const freeze = effect('store.freeze', (path: string) =>
  onDisk('syncing', path, async () => {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      await file.chmod(0o400);
      await file.sync();
      return await file.stat({ bigint: true });
    } finally {
      await file.close();
    }
  }),
);

/** Writes a small read-only file so that it is there whole or not at all, also after a crash of the host. */
export const writeWhole = effect('store.write', ({ path, text }: { path: string; text: string }) =>
  onDisk('writing', path, async () => {
    const half = join(dirname(path), `.${basename(path)}.half`);
    try {
      await writeFile(half, text, { mode: 0o400, flush: true });
      await rename(half, path);
    } catch (error) {
      await ifThere(() => unlink(half));
      throw error;
    }
    await syncFolder(dirname(path));
  }),
);

/**
 * Moves a folder, durably, or leaves it where it was. What stands at `to` is never replaced, unless it is an empty
 * folder. @throws systemCallFailed
 */
export const moveFolder = effect('store.move', ({ from, to }: { from: string; to: string }) =>
  onDisk('moving', from, async () => {
    await rename(from, to);
    try {
      await syncFolder(dirname(to));
      await syncFolder(dirname(from));
    } catch (error) {
      await rename(to, from);
      throw error;
    }
  }),
);

/** Brings a folder's own entries to the disk. */
export const freezeFolder = effect('store.sync', (dir: string) =>
  onDisk('syncing', dir, () => syncFolder(dir)),
);

/** Removes a file or folder and all that is in it, where it is there. Large files take their time. */
export const removeTree = effect('store.remove', (path: string) =>
  onDisk('removing', path, () => rm(path, { recursive: true, force: true })),
);

async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
