/** Waiting as long as the real thing takes, without burning CPU. */
const cell = new Int32Array(new SharedArrayBuffer(4));

/** Sleeps on this thread; for the fraction of a millisecond that timers can't do. */
function nap(ms: number): void {
  if (ms > 0) Atomics.wait(cell, 0, 0, ms);
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until `ms` have passed since `start` (performance.now()). */
export async function until(start: number, ms: number): Promise<void> {
  const left = start + ms - performance.now();
  if (left > 3) await sleep(Math.floor(left) - 1);
  nap(Math.min(3, start + ms - performance.now()));
}
