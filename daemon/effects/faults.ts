import { appendFileSync, closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { z } from 'zod';
import { systemCallFailed } from '../api/errors/host.js';
import type { Probe } from '../../plugins/contract.js';

/** A fault to inject at an effect; only ever read from the environment of a test. */
const Fault = z.strictObject({
  at: z.string(),
  when: z.enum(['before', 'after']).default('before'),
  /** The how-manieth time; every time where left out. */
  nth: z.int().min(1).optional(),
  /** An errno to fail with. */
  fail: z.string().optional(),
  /** Milliseconds to wait, or until the effect's signal aborts. */
  delay: z.int().min(1).optional(),
  /** A file to write until its file system is full. */
  fill: z.string().optional(),
  /** Ends the daemon on the spot. */
  kill: z.literal(true).optional(),
});

type Counted = z.infer<typeof Fault> & { count: number };

/** @throws ZodError where it is malformed: a test that injects nothing must not pass */
function parse(text: string): Counted[] {
  return z
    .array(Fault)
    .parse(JSON.parse(text))
    .map((fault) => ({ ...fault, count: 0 }));
}

/** The faults of a file, read anew at every effect; counting begins again whenever it says something else. */
function inFile(path: string): () => readonly Counted[] {
  let text = '[]';
  let faults: readonly Counted[] = [];
  return () => {
    const now = readFileSync(path, 'utf8');
    if (now !== text) [text, faults] = [now, parse(now)];
    return faults;
  };
}

/**
 * The faults of `THAW_FAULTS`, as what the operations' probes call around each effect: a JSON array, or `@` and the path
 * of a file that holds one and may change. To the file `trace` is added a line `<edge> <effect>` for each edge that is
 * reached, with ` hit` where a fault is put there.
 * @throws ZodError where it is malformed
 */
export function faultsFrom({
  THAW_FAULTS: text,
  THAW_FAULTS_TRACE: trace,
}: NodeJS.ProcessEnv): Probe['edge'] {
  if (text === undefined || text === '') return undefined;
  const fixed = text.startsWith('@') ? null : parse(text);
  const faults = fixed === null ? inFile(text.slice(1)) : () => fixed;
  const note = (line: string): void => {
    if (trace !== undefined) appendFileSync(trace, `${line}\n`);
  };
  return async (name, edge, signal) => {
    note(`${edge} ${name}`);
    for (const fault of faults()) {
      if (fault.at !== name || fault.when !== edge) continue;
      fault.count += 1;
      if (fault.nth !== undefined && fault.nth !== fault.count) continue;
      note(`${edge} ${name} hit`);
      if (fault.kill) process.kill(process.pid, 'SIGKILL');
      if (fault.fill !== undefined) fill(fault.fill);
      if (fault.delay !== undefined) await pause(fault.delay, signal);
      if (fault.fail !== undefined) throw systemCallFailed({ what: `${name} (injected)`, errno: fault.fail });
    }
  };
}

function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const piece = Buffer.alloc(65_536, 1); ;) writeSync(file, piece);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', stop);
    function done(): void {
      signal.removeEventListener('abort', stop);
      resolve();
    }
    function stop(): void {
      clearTimeout(timer);
      reject(signal.reason as Error);
    }
  });
}
