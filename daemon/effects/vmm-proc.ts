import { readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import type { Inode } from '../api/shapes/file.js';
import { look } from '../../plugins/contract.js';
import { inodeOf } from './inode.js';

/** A process for ever: its number, and when it started (field 22 of `/proc/<pid>/stat`, clock ticks after the boot). */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
}

export interface ProcessStat {
  /** A letter: `Z` is dead and not yet reaped. */
  readonly state: string;
  /** The number of the process that leads its session. */
  readonly session: number;
  readonly startTime: string;
}

/** What a line of `/proc/<pid>/stat` says; null where it is no such line. */
export function parseStat(line: string): ProcessStat | null {
  // The command's name, in parentheses, may itself hold spaces and parentheses.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  if (state === undefined || startTime === undefined || !/^\d+$/.test(startTime)) return null;
  return { state, session: Number(fields[3]), startTime };
}

/** What is known of a process that lives; null for one that is gone, or dead and not yet reaped. */
export function readStat(pid: number): ProcessStat | null {
  let line;
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    // ENOENT, or ESRCH where it went while being read: either way it is gone.
    return null;
  }
  const stat = parseStat(line);
  return stat === null || stat.state === 'Z' || stat.state === 'X' ? null : stat;
}

/** The start time of a process that lives. */
export function readStartTime(pid: number): string | null {
  return readStat(pid)?.startTime ?? null;
}

/** The files that a process has open, of all kinds; none where it is gone. */
export const openFiles = look('vmm.open-files', async (pid: number): Promise<readonly Inode[]> => {
  const folder = `/proc/${pid}/fd`;
  const found = await Promise.all(
    (await readdir(folder).catch(() => [])).map(async (fd) => {
      try {
        return [inodeOf(await stat(`${folder}/${fd}`, { bigint: true }))];
      } catch {
        // Closed meanwhile.
        return [];
      }
    }),
  );
  return found.flat();
});
