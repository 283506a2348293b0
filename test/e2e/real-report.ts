// What the parts of e2e:real tell, and how.
import { ThawError } from '../../client/index.js';

let failed = 0;

/** One line of the report; `ok: false` makes the run fail. */
export function report(check: string, ok: boolean, detail: object): void {
  if (!ok) failed += 1;
  process.stdout.write(`${JSON.stringify({ check, ok, ...detail })}\n`);
}

/** How many checks fell short so far. */
export const failures = (): number => failed;

/** Runs one part; what it throws is a finding like any other. */
export async function part<T>(check: string, run: () => Promise<T>): Promise<T | null> {
  const started = performance.now();
  try {
    return await run();
  } catch (error) {
    const detail = error instanceof ThawError ? error.detail : {};
    report(check, false, {
      milliseconds: Math.round(performance.now() - started),
      message: String(error),
      detail,
    });
    return null;
  }
}
