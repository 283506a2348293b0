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
  /** Ends the daemon on the spot. */
  kill: z.literal(true).optional(),
});

/**
 * The faults of `THAW_FAULTS`, as what the operations' probes call around each effect.
 * @throws ZodError where it is malformed: a test that injects nothing must not pass
 */
export function faultsFrom(text: string | undefined): Probe['edge'] {
  if (text === undefined || text === '') return undefined;
  const faults = z
    .array(Fault)
    .parse(JSON.parse(text))
    .map((fault) => ({ ...fault, count: 0 }));
  return async (name, edge, signal) => {
    for (const fault of faults) {
      if (fault.at !== name || fault.when !== edge) continue;
      fault.count += 1;
      if (fault.nth !== undefined && fault.nth !== fault.count) continue;
      if (fault.kill) process.kill(process.pid, 'SIGKILL');
      if (fault.delay !== undefined) await pause(fault.delay, signal);
      if (fault.fail !== undefined) throw systemCallFailed({ what: `${name} (injected)`, errno: fault.fail });
    }
  };
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
