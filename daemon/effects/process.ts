import { execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { effect, look } from '../../plugins/contract.js';
import { PinnedProcess } from './vmm-pidfd.js';
import { readStartTime, readStat, type ProcessIdentity } from './vmm-proc.js';

export type { ProcessIdentity } from './vmm-proc.js';

/** How a process ended; both null where nobody could see it (one that we did not start). */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface SpawnWish {
  readonly binary: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Standard output and error are appended to this file, made with mode 0600. */
  readonly log: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls back where the process shall live, in a network namespace for instance, and gives what that returned. */
  readonly within?: (<T>(start: () => T) => T) | undefined;
}

export interface Spawned extends ProcessIdentity {
  /** Never rejects. */
  readonly exited: Promise<ProcessExit>;
}

/**
 * Starts a process in a session of its own, without standard input, with umask 077: it outlives this one.
 * @throws Error of the system call (ENOENT, EACCES, …) where it can't be started
 */
export const spawnDetached = effect('process.spawn', async (wish: SpawnWish): Promise<Spawned> => {
  const log = openSync(wish.log, 'a', 0o600);
  const before = process.umask(0o077);
  let child;
  try {
    // libuv forks and executes before `spawn` returns, so the mask is inherited and nobody else sees it.
    const { binary, args, cwd } = wish;
    const env = { ...wish.env, PWD: cwd };
    const start = () => spawn(binary, args, { cwd, env, detached: true, stdio: ['ignore', log, log] });
    child = wish.within ? wish.within(start) : start();
  } finally {
    process.umask(before);
    closeSync(log);
  }
  const started = child;
  const exited = new Promise<ProcessExit>((resolve) => {
    started.once('exit', (code, signal) => resolve({ code, signal }));
  });
  // Read before any turn of the event loop: even one that ended at once is not reaped yet.
  const { pid } = started;
  const startTime = pid === undefined ? null : readStartTime(pid);
  await new Promise<void>((resolve, reject) => {
    started.once('spawn', resolve).once('error', reject);
  });
  started.unref();
  return { pid: pid ?? 0, startTime: startTime ?? '0', exited };
});

/** Whether this very process lives. */
export const processAlive = look(
  'process.alive',
  ({ pid, startTime }: ProcessIdentity) => readStartTime(pid) === startTime,
);

/**
 * Living processes by the folder that they were started in and an argument that follows an option, e.g. a Firecracker's
 * `--id`: how one is found again that was started and never written down. The folder is the one {@link spawnDetached}
 * told it (`PWD`), which stays as it is whatever the process does to its namespaces later.
 */
export const processFind = look(
  'process.find',
  async (wanted: { cwd: string; option: string; value: string }): Promise<readonly ProcessIdentity[]> => {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const found = await Promise.all(
      pids.map(async (pid) => {
        try {
          const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
          const at = words.indexOf(wanted.option);
          if (at < 0 || words[at + 1] !== wanted.value) return null;
          const environment = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0');
          return environment.includes(`PWD=${wanted.cwd}`) ? Number(pid) : null;
        } catch {
          // It ended while being looked at.
          return null;
        }
      }),
    );
    return found.flatMap((pid) => {
      const stat = pid === null ? null : readStat(pid);
      // A child that it has just forked looks the same until it executes something; but it leads no session.
      if (pid === null || stat?.session !== pid) return [];
      return [{ pid, startTime: stat.startTime }];
    });
  },
);

/** Waits until this very process has ended: true, or false after `milliseconds`. */
export const processEnded = look(
  'process.ended',
  async ({ identity, milliseconds }: { identity: ProcessIdentity; milliseconds: number }) => {
    const pinned = PinnedProcess.open(identity);
    if (pinned === null) return true;
    try {
      return await pinned.ended(milliseconds);
    } finally {
      pinned.close();
    }
  },
);

/** Waits for the end of this very process, however long; it may have ended before. @throws the signal's reason */
export const processGone = look('process.gone', async (identity: ProcessIdentity, cx) => {
  const pinned = PinnedProcess.open(identity);
  if (pinned === null) return;
  try {
    await pinned.end(cx.signal);
  } finally {
    pinned.close();
  }
});

const killPatienceMs = 5_000;

/**
 * Ends this very process, never another one that got its number: SIGTERM, and SIGKILL after `graceMs`. Returns whether
 * it is gone (a process in an uninterruptible wait can stay).
 */
export const processEnd = effect(
  'process.end',
  async ({ identity, graceMs }: { identity: ProcessIdentity; graceMs: number }) => {
    const pinned = PinnedProcess.open(identity);
    if (pinned === null) return true;
    try {
      pinned.signal('SIGTERM');
      if (await pinned.ended(graceMs)) return true;
      pinned.signal('SIGKILL');
      return await pinned.ended(killPatienceMs);
    } finally {
      pinned.close();
    }
  },
);
export interface ShortRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program that ends by itself at once, such as `firecracker --version`; at most 64 kB of what it says.
 * @throws Error of the system call where it can't be started
 */
export const processRun = look(
  'process.run',
  async ({ binary, args }: { binary: string; args: readonly string[] }, cx): Promise<ShortRun> =>
    await new Promise((resolve, reject) => {
      execFile(
        binary,
        args,
        { timeout: 10_000, killSignal: 'SIGKILL', maxBuffer: 65_536, signal: cx.signal },
        (error, stdout, stderr) => {
          if (error === null) resolve({ code: 0, stdout, stderr });
          else if (typeof error.code === 'number') resolve({ code: error.code, stdout, stderr });
          else reject(new Error(error.message, { cause: error }));
        },
      );
    }),
);
