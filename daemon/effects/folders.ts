import { mkdir, rm, symlink } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import { effect, look } from '../../plugins/contract.js';

/** Makes a folder, and those above it; one that is there is as good, and keeps its mode. */
export const folderMake = effect('folder.make', async ({ dir, mode }: { dir: string; mode: number }) => {
  await mkdir(dir, { recursive: true, mode });
});

/** Removes a folder and all in it; links are removed, not followed. */
export const folderRemove = effect('folder.remove', async (dir: string) => {
  await rm(dir, { recursive: true, force: true });
});

/** Links `path` to `target`, in place of what may be there from an earlier try. */
export const linkMake = effect('link.make', async (link: { path: string; target: string }) => {
  await rm(link.path, { force: true });
  await symlink(link.target, link.path);
});

/** The names in a folder; none where it does not exist. */
export const folderNames = look('folder.names', (dir: string) => {
  try {
    return readdirSync(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
});
