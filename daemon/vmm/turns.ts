import { withSignal, type Context } from '../../plugins/contract.js';

/** Lets one at a time through, in the order of asking. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `work` when all before it are done. Rejects with the signal's reason, `work` never begun, if it aborts first. */
  async take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const before = this.#last;
    let done: (() => void) | undefined;
    this.#last = Promise.all([before, new Promise<void>((resolve) => (done = resolve))]);
    try {
      await orAborted(before, signal);
      signal.throwIfAborted();
      return await work();
    } finally {
      done?.();
    }
  }
}

/** Awaits, but no longer than until the signal aborts; then rejects with its reason. What was awaited goes on. */
export async function orAborted<T>(awaited: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    // The reason of an abort is the caller's business: it is handed on as it is.
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([awaited, aborted]);
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort);
  }
}

/**
 * Runs `fn` under a signal that follows the context's and can be ended besides: `arm` is given what ends it, with the
 * reason, and returns what disarms it.
 */
export async function endable<T>(
  { cx, arm }: { cx: Context; arm: (end: (reason: unknown) => void) => () => void },
  fn: (cx: Context) => Promise<T>,
): Promise<T> {
  cx.signal.throwIfAborted();
  const inner = new AbortController();
  const follow = (): void => inner.abort(cx.signal.reason);
  cx.signal.addEventListener('abort', follow);
  const disarm = arm((reason) => inner.abort(reason));
  try {
    return await fn(withSignal(cx, inner.signal));
  } finally {
    disarm();
    cx.signal.removeEventListener('abort', follow);
  }
}
