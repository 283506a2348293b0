import { type Context } from '../../plugins/contract.js';
import { vmmDied, vmmOutOfMemory } from '../api/errors/vmm.js';
import type { VmLimits } from '../api/shapes/limits.js';
import { type ThawError } from '../api/thaw-error.js';
import {
  processAlive,
  processEnd,
  processEnded,
  type ProcessExit,
  type ProcessIdentity,
} from '../effects/process.js';
import { cgroupLook } from '../effects/cgroups.js';
import { socketAwait, tailLook } from '../effects/vmm-files.js';
import { olderLog } from '../effects/vmm-log.js';
import { ownWords } from './words.js';
import { endable, orAborted } from './turns.js';

export type { ProcessExit, ProcessIdentity } from '../effects/process.js';

/** What somebody who waits for a VM needs of its process: that it has ended, and why. */
export interface Mortal {
  readonly vm: string;
  /** Never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** Calls back once it has ended, at once where it has; returns what takes the listener off. */
  onExit(listener: () => void): () => void;
  /** Something hints that it has ended: look. */
  suspect(): void;
  /** How it ended and the last lines it said, as an error. To be asked once it has ended. */
  obituary(during: string): Promise<ThawError>;
}

/** A VMM: started by this daemon, or found alive by it. */
export interface VmmProcess extends Mortal, ProcessIdentity {
  /** The VM's folder: its working directory. */
  readonly dir: string;
  /** Absolute path of the API socket. */
  readonly apiSocket: string;
  /**
   * Waits until the API socket answers.
   * @throws vmmDied
   */
  waitForSocket(cx: Context): Promise<void>;
  /** Ends it, with SIGKILL after `graceMs`; whether it is gone then. Firecracker flushes nothing on SIGTERM. */
  end(graceMs: number, cx: Context): Promise<boolean>;
}

/** Names of what a VMM has in its folder. Relative: a socket's path may have 107 bytes only. */
export const vmmFiles = { apiSocket: 'api.sock', log: 'vmm.log', vsock: 'v.sock' } as const;

/** The cgroup of a VMM. */
export interface Cell {
  readonly path: string;
  readonly limits: VmLimits;
}

/** What a {@link VmmProcess} is made of. */
export interface VmmFacts extends ProcessIdentity {
  readonly vm: string;
  readonly dir: string;
  /** Where it is limited; undefined where nowhere. */
  readonly cell?: () => Cell | undefined;
  /** True where somebody else started it: what lies in its folder is theirs, a log too. */
  readonly theirs?: boolean;
  readonly apiSocket: string;
}

const itsStart = 'its start';
const gone = Symbol('the process has ended');

/** For looks that belong to no operation: nobody's timeline. */
const nobody = (milliseconds: number): Context => ({
  signal: AbortSignal.timeout(milliseconds),
  probe: { effect: () => undefined },
});

/** A process and how its end becomes known. */
export function vmmProcess(facts: VmmFacts, exited: Promise<ProcessExit>, suspect: () => void): VmmProcess {
  const { vm, dir, pid, startTime, apiSocket } = facts;
  const obituary = async (during: string): Promise<ThawError> => {
    const exit = describeExit(await exited);
    const path = `${dir}/${vmmFiles.log}`;
    const tail = (of: string) => tailLook({ path: of, bytes: 4096 }, nobody(2_000));
    // It may have been cut a moment ago.
    const lines = facts.theirs === true ? [] : [...(await tail(olderLog(path))), ...(await tail(path))];
    // Before it answers there is no guest, and what the loader or a wrapper says is all there is.
    const own = during === itsStart ? lines : ownWords(lines);
    const log = own.slice(-5).join('\n');
    const cell = facts.cell?.();
    if (cell && (await outOfMemory(cell))) {
      return vmmOutOfMemory({ vm, during, memoryMib: cell.limits.memoryMib ?? null, log });
    }
    return vmmDied({ vm, during, exit, log });
  };
  const listeners = new Set<() => void>();
  let over = false;
  // One reaction for the whole life: a promise would keep those of every call that has long been answered.
  void exited.then(() => {
    over = true;
    for (const listener of listeners) listener();
    listeners.clear();
  });
  const onExit = (listener: () => void): (() => void) => {
    if (over) listener();
    else listeners.add(listener);
    return () => listeners.delete(listener);
  };
  return {
    ...{ vm, dir, pid, startTime, apiSocket, exited, onExit, suspect, obituary },
    async waitForSocket(cx) {
      try {
        await endable({ cx, arm: (end) => onExit(() => end(gone)) }, (inner) =>
          socketAwait(apiSocket, inner),
        );
      } catch (error) {
        throw error === gone ? await obituary(itsStart) : error;
      }
    },
    async end(graceMs, cx) {
      const ended = await processEnd({ identity: { pid, startTime }, graceMs }, cx);
      // What we started is reaped a moment later; whoever was told "gone" must find `exited` settled.
      if (ended) {
        suspect();
        await orAborted(exited, cx.signal);
      }
      return ended;
    },
  };
}

/** Whether the kernel has ended something in a cgroup for its memory. */
async function outOfMemory({ path, limits }: Cell): Promise<boolean> {
  if (limits.memoryMib === undefined) return false;
  const found = await cgroupLook({ path, names: ['memory.events'] }, nobody(2_000));
  return found !== null && found.oomKills > 0;
}

/** In words, for errors. */
export function describeExit({ code, signal }: ProcessExit): string {
  if (signal !== null) return `killed by ${signal}`;
  if (code === null) return 'nobody saw how';
  const known = exitCodes[code];
  return known === undefined ? `exit code ${code}` : `exit code ${code}: ${known}`;
}

/** Firecracker's own (src/vmm/src/lib.rs, `FcExitCode`). */
const exitCodes: Readonly<Record<number, string>> = {
  148: 'a system call that its seccomp filter forbids',
  149: 'SIGBUS',
  150: 'SIGSEGV',
  151: 'a file grew over its limit',
  152: 'bad configuration',
  153: 'bad command line',
  154: 'its CPU time is used up',
  156: 'SIGHUP',
  157: 'SIGILL',
};

/** Whether this very process lives: a number given to another one does not count. */
export async function isAlive(identity: ProcessIdentity, cx: Context): Promise<boolean> {
  return await processAlive(identity, cx);
}

/** Ends this very process, with SIGKILL after `graceMs`; whether it is gone. */
export async function endProcess(
  { identity, graceMs }: { identity: ProcessIdentity; graceMs: number },
  cx: Context,
): Promise<boolean> {
  return await processEnd({ identity, graceMs }, cx);
}

/** After a hint the process has this long to be gone: closing its sockets is among the last things it does. */
const hintPatienceMs = 2_000;

/**
 * A VMM that this daemon did not start. It tells nobody of its end: the close of its API connection is the hint
 * ({@link Mortal.suspect}), its number and start time the proof.
 */
export function adoptProcess(facts: VmmFacts): VmmProcess {
  let ended: ((exit: ProcessExit) => void) | undefined;
  const exited = new Promise<ProcessExit>((resolve) => {
    ended = resolve;
  });
  let looking = false;
  const suspect = (): void => {
    if (looking) return;
    looking = true;
    const { pid, startTime } = facts;
    void processEnded(
      { identity: { pid, startTime }, milliseconds: hintPatienceMs },
      nobody(hintPatienceMs + 1_000),
    ).then(
      (yes) => {
        looking = false;
        if (yes) ended?.({ code: null, signal: null });
      },
      () => {
        looking = false;
      },
    );
  };
  return vmmProcess(facts, exited, suspect);
}
