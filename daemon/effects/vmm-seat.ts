import { lstatSync } from 'node:fs';
import { watch } from 'chokidar';
import { effect, look } from '../../plugins/contract.js';

/** The file of a VMM's API socket: by it whoever does not know the VMM yet finds it, the next daemon for one. */
export interface Seat {
  readonly path: string;
  /** Which file it is; null where there is none. */
  readonly stamp: string | null;
  /** Watches it no more. */
  close(): Promise<void>;
}

function stampOf(path: string): string | null {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats?.isSocket() === true ? `${stats.dev}:${stats.ino}` : null;
}

/**
 * Watches the socket of a VMM. Of the file alone, not of its folder, where a guest's console would wake us at each line.
 * chokidar tells a socket that was unlinked, or bound anew, from one whose mode has changed. What it tells is a hint.
 */
export const seatWatch = effect(
  'vmm.watch',
  ({ path, onHint }: { path: string; onHint: () => void }): Seat => {
    const watcher = watch(path, { ignoreInitial: true, followSymlinks: false, atomic: false });
    // It may have gone before it was watched.
    watcher.on('all', onHint).on('ready', onHint);
    // No inotify watch is left: that is logged for the folders, and reconcile looks at its interval.
    watcher.on('error', () => undefined);
    return { path, stamp: stampOf(path), close: () => watcher.close() };
  },
);

/** Whether the very socket is still there. */
export const seatKept = look(
  'vmm.seat',
  ({ path, stamp }: Seat): boolean => stamp !== null && stampOf(path) === stamp,
);
