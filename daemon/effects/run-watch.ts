import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { watch, type FSWatcher } from 'chokidar';
import { effect, look } from '../../plugins/contract.js';

/** A watch on the run directory; what it tells is a hint, never a fact. */
export interface RunWatch {
  close(): Promise<void>;
}

export interface RunWatchWish {
  readonly root: string;
  /** Paths that nobody needs to hear of. */
  readonly ignore: (path: string) => boolean;
  readonly onHint: (path: string) => void;
}

/** Sockets lie at most at `vms/<id>/sock/fc.sock`. */
const depth = 3;

/** Watches the folders in which VMs lie. Resolves once the first pass is done. */
export const runWatch = effect('run.watch', async (wish: RunWatchWish): Promise<RunWatch> => {
  const watcher: FSWatcher = watch(wish.root, {
    depth,
    ignored: wish.ignore,
    ignoreInitial: true,
    followSymlinks: false,
    ignorePermissionErrors: true,
    // Otherwise `unlink` comes 100 ms late, and after `unlinkDir`.
    atomic: false,
  });
  watcher.on('all', (_event, path) => wish.onHint(path));
  await new Promise<void>((resolve) => watcher.once('ready', resolve));
  return { close: () => watcher.close() };
});

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

/** Those of these paths in a folder that are sockets, with no link on the way to them. */
export const socketsAmong = look(
  'run.socket',
  ({ dir, candidates }: { dir: string; candidates: readonly string[] }): readonly string[] =>
    candidates.filter((candidate) => isSocket(dir, candidate)),
);

function isSocket(dir: string, candidate: string): boolean {
  let path = dir;
  try {
    for (const part of ['', ...candidate.split('/').slice(0, -1)]) {
      path = join(path, part);
      if (!lstatSync(path).isDirectory()) return false;
    }
    return lstatSync(join(dir, candidate)).isSocket();
  } catch {
    // Gone between the listing and the look: as good as never there.
    return false;
  }
}
