import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { look } from '../../plugins/contract.js';
import { readStartTime, type ProcessIdentity } from './vmm-proc.js';

/** The first process of a container, and the network namespace it lives in, as the kernel names it. */
export interface ContainerInit extends ProcessIdentity {
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

/** Null where there is no such process any more. */
export const containerInit = look('container.init', (pid: number): ContainerInit | null => {
  const startTime = readStartTime(pid);
  const netns = netnsOf(pid);
  if (startTime === null || netns === null) return null;
  return { pid, startTime, netns, host: netns === netnsOf('self') };
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
