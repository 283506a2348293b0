/** Faults on request: the n-th call of a kind fails, is late, gets no answer, or is the last thing this process does. */
import { FatalFault, Fault } from './errors.js';
import { exitProcess } from './native/libc.js';
import { sleep } from './timing.js';

export interface FaultWish {
  /** load, attach, detach, resume, pause, create, start, api, vsock.connect, agent, agent.<command>. */
  at: string;
  /** Which call; 1 by default. `0` means every one. */
  nth?: number;
  /** What happens; the last four are for the agent only. */
  do: 'fail' | 'delay' | 'drop' | 'die' | 'silent' | 'garbage' | 'error' | 'exit';
  /** Before the call does its work (default) or after it. */
  when?: 'before' | 'after';
  ms?: number;
  message?: string;
  /** Of the process for `die`, of the command for `exit`. */
  exitCode?: number;
  /** `die` by a signal instead. */
  signal?: NodeJS.Signals;
}

/** The caller gets no answer at all. */
export class Dropped extends Error {}

interface Pending extends FaultWish {
  seen: number;
}

export class Faults {
  private pending: Pending[] = [];

  /** Adds faults; each counts calls from now on. */
  add(wishes: readonly FaultWish[]): void {
    this.pending.push(...wishes.map((wish) => ({ ...wish, seen: 0 })));
  }

  clear(): void {
    this.pending = [];
  }

  list(): readonly FaultWish[] {
    return this.pending;
  }

  /** Counts a call and returns what is due on it. */
  due(at: string): FaultWish[] {
    const hits: FaultWish[] = [];
    this.pending = this.pending.filter((wish) => {
      if (wish.at !== at) return true;
      wish.seen += 1;
      const nth = wish.nth ?? 1;
      if (nth !== 0 && wish.seen !== nth) return true;
      hits.push(wish);
      return nth === 0;
    });
    return hits;
  }

  /** Runs `work` as one call of the kind `at`, with whatever is due on it. */
  async around<T>(at: string, work: () => Promise<T>): Promise<T> {
    const due = this.due(at);
    for (const wish of due) if (wish.when !== 'after') await strike(wish);
    const result = await work();
    for (const wish of due) if (wish.when === 'after') await strike(wish);
    return result;
  }
}

async function strike(wish: FaultWish): Promise<void> {
  if (wish.ms !== undefined) await sleep(wish.ms);
  switch (wish.do) {
    case 'delay':
      return;
    case 'drop':
      throw new Dropped();
    case 'die':
      die(wish);
      return;
    // Those of the agent mean nothing else to anybody else.
    case 'fail':
    case 'silent':
    case 'garbage':
    case 'error':
    case 'exit': {
      const message = wish.message ?? `Fault on request: ${wish.at}`;
      throw wish.at === 'load' ? new FatalFault(message) : new Fault(message);
    }
  }
}

/** Ends the process in the way that a fault asks for. */
export function die(wish: FaultWish): void {
  if (wish.signal) process.kill(process.pid, wish.signal);
  else exitProcess(wish.exitCode ?? 1);
}
