import { deadlineExceeded } from '../../daemon/api/errors/rpc.js';

/** Where a fault can be put: around every effect, by the effect's name. */
export type Edge = 'before' | 'after';

/** What watches an operation's effects: the timeline always, injected faults in tests. */
export interface Probe {
  /** Called around each effect; may throw or wait, which is how faults are injected. */
  edge?: ((effect: string, edge: Edge, signal: AbortSignal) => void | Promise<void>) | undefined;
  /** An effect that took place, in milliseconds of `performance.now()`. */
  effect(
    name: string,
    took: { readonly start: number; readonly end: number; readonly failed: boolean },
  ): void;
}

/** Who asks, how long it may take, and who watches. Passed last to everything that waits or touches the outside. */
export interface Context {
  readonly signal: AbortSignal;
  readonly probe: Probe;
}

/** The same context under another signal. */
export function withSignal(cx: Context, signal: AbortSignal): Context {
  return { signal, probe: cx.probe };
}

/** What is given up, and after how many milliseconds. */
export interface Limit {
  readonly what: string;
  readonly milliseconds: number;
}

/**
 * Runs `fn` under a deadline as well as the context's own signal; both abort the signal that `fn` is given.
 * A timer and a listener that end with `fn`, not `AbortSignal.any`: thousands of those outlive their use on Node 20.
 * @throws deadlineExceeded, as the reason of the signal
 */
export async function within<T>(cx: Context, limit: Limit, fn: (cx: Context) => Promise<T>): Promise<T> {
  cx.signal.throwIfAborted();
  const inner = new AbortController();
  const follow = (): void => inner.abort(cx.signal.reason);
  cx.signal.addEventListener('abort', follow);
  const timer = setTimeout(() => inner.abort(deadlineExceeded({ ...limit })), limit.milliseconds);
  try {
    return await fn(withSignal(cx, inner.signal));
  } finally {
    clearTimeout(timer);
    cx.signal.removeEventListener('abort', follow);
  }
}
