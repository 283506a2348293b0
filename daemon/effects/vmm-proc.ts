import { readFileSync } from 'node:fs';

/** A process for ever: its number, and when it started (field 22 of `/proc/<pid>/stat`, clock ticks after the boot). */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
}

/** State letter and start time in a line of `/proc/<pid>/stat`; null where it is no such line. */
export function parseStat(line: string): { state: string; startTime: string } | null {
  // The command's name, in parentheses, may itself hold spaces and parentheses.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  return state === undefined || startTime === undefined || !/^\d+$/.test(startTime)
    ? null
    : { state, startTime };
}

/** The start time of a process that lives; null for one that is gone, or dead and not yet reaped. */
export function readStartTime(pid: number): string | null {
  let line;
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    // ENOENT, or ESRCH where it went while being read: either way it is gone.
    return null;
  }
  const stat = parseStat(line);
  return stat === null || stat.state === 'Z' || stat.state === 'X' ? null : stat.startTime;
}
