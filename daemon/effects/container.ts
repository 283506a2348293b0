import { readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { look } from '../../plugins/contract.js';
import { readStartTime, type ProcessIdentity } from './vmm-proc.js';

/** The first process of a container, and the network namespace it lives in, as the kernel names it. */
export interface ContainerInit extends ProcessIdentity {
  /** Whose it is, in all respects: 0 for one that has ever changed users (proc(5)). */
  readonly uid: number;
  readonly netns: string;
  /** Whether that is the daemon's own: the host's. */
  readonly host: boolean;
}

function netnsOf(pid: number | 'self'): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    // It ended while being looked at.
    return null;
  }
}

/** The owner of a process's folder: root where it may not be traced by its user. */
const ownerOf = (pid: number): number => statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid ?? 0;

/** Null where there is no such process any more. */
export const containerInit = look('container.init', (pid: number): ContainerInit | null => {
  const startTime = readStartTime(pid);
  const netns = netnsOf(pid);
  const uid = ownerOf(pid);
  // Read last of all: it is still the process that all of it was read of.
  if (startTime === null || netns === null || readStartTime(pid) !== startTime) return null;
  return { pid, startTime, uid, netns, host: netns === netnsOf('self') };
});

function parentOf(pid: number): number {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}

/** Processes in the network namespace of a container that are not the container's own: neither its first nor of its kin. */
export const namespaceStrangers = look(
  'container.strangers',
  ({ pid, netns }: Pick<ContainerInit, 'pid' | 'netns'>): readonly number[] => {
    const inside = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((one) => netnsOf(one) === netns);
    return inside.filter((one) => {
      for (let at = one; at > 1; at = parentOf(at)) if (at === pid) return false;
      return one !== pid;
    });
  },
);
