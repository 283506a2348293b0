import { lstatSync, readdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { effect, look } from '../../plugins/contract.js';

// Folders are watched by bare inotify (`fs.watch`), one watch each: 7 µs and 1 kB. chokidar takes 330 µs and 30 kB for a
// folder, and reads a changed one of 10,000 entries again as a whole (all on Node 20, chokidar 5). It watches what it is
// good at: the sockets of VMs, see vmm-socket.ts.

/** A watch on one folder; what it tells is a hint, never a fact. */
export interface FolderWatch {
  close(): void;
}

export interface FolderWatchWish {
  readonly dir: string;
  /** Hears the name of what has come, gone or moved in the folder; writing to a file is nothing that it hears of. */
  readonly onName: (name: string) => void;
}

/** What keeps the kernel from watching: `fs.inotify.max_user_watches` or `max_user_instances` is used up. */
const used: ReadonlySet<string> = new Set(['ENOSPC', 'EMFILE']);

/** Watches a folder. Null where it is gone, `'full'` where the host has no watch left. */
export const folderWatch = effect(
  'run.watch',
  ({ dir, onName }: FolderWatchWish): FolderWatch | 'full' | null => {
    try {
      const watcher = watch(dir, (event, name) => {
        // `change` is a file's content or mode: of a VM's log at every line.
        if (event === 'rename') onName(name ?? '');
      });
      // Linux tells of none once a watch is there.
      watcher.on('error', () => onName(''));
      return watcher;
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (used.has(code)) return 'full';
      if (code === 'ENOENT') return null;
      throw error;
    }
  },
);

/** The real folders in a folder, by name; links are not followed. */
export const subfolders = look('run.folders', (dir: string): readonly string[] => {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
});

/** Which folder lies at each path, by device and inode; null where none does, or a link. */
export const foldersThere = look('run.there', (paths: readonly string[]): readonly (string | null)[] =>
  paths.map((path) => {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats?.isDirectory() === true ? `${stats.dev}:${stats.ino}` : null;
  }),
);

/** A socket's file and which one it is: another bound at the same path is another. */
export interface SocketFile {
  readonly path: string;
  readonly stamp: string;
}

/** Those of these paths in a folder that are sockets, with no link on the way to them. */
export const socketsAmong = look(
  'run.socket',
  ({ dir, candidates }: { dir: string; candidates: readonly string[] }): readonly SocketFile[] =>
    candidates.flatMap((candidate) => socketAt(dir, candidate) ?? []),
);

function socketAt(dir: string, candidate: string): SocketFile | null {
  let path = dir;
  try {
    for (const part of ['', ...candidate.split('/').slice(0, -1)]) {
      path = join(path, part);
      if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return null;
    }
    path = join(dir, candidate);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats?.isSocket() === true ? { path, stamp: `${stats.dev}:${stats.ino}:${stats.ctimeMs}` } : null;
  } catch {
    // Gone between the listing and the look: as good as never there.
    return null;
  }
}
