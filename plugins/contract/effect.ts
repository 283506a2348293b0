import type { Context } from './context.js';

/** A declared touch of the outside. */
export interface Declared {
  readonly name: string;
  /** A change, or only a look: faults in a look can't leave anything half done. */
  readonly changes: boolean;
}

const declared: Declared[] = [];

/** Every effect that the loaded code declares; the fault tests take their list from here. */
export function declaredEffects(): readonly Declared[] {
  return declared;
}

/** An effect as it is called: what is wanted (one value), then the context. */
export type Effect<W, R> = (want: W, cx: Context) => Promise<R>;

function declare<W, R>(of: Declared, fn: (want: W, cx: Context) => R | Promise<R>): Effect<W, R> {
  const { name } = of;
  if (declared.some((other) => other.name === name)) throw new TypeError(`effect ${name} is declared twice`);
  declared.push(of);
  return async (want, cx) => {
    cx.signal.throwIfAborted();
    const { probe } = cx;
    if (probe.edge) await probe.edge(name, 'before', cx.signal);
    const start = performance.now();
    let failed = true;
    try {
      const result = await fn(want, cx);
      if (probe.edge) await probe.edge(name, 'after', cx.signal);
      failed = false;
      return result;
    } finally {
      probe.effect(name, { start, end: performance.now(), failed });
    }
  };
}

/**
 * Declares a change of the outside under a name, e.g. `tap.create`. The wrapper refuses to begin once the context's
 * signal is aborted, reports to the probe, and is where faults are injected. What `fn` has begun it must finish or
 * take back itself: the wrapper never abandons it.
 */
export function effect<W, R>(name: string, fn: (want: W, cx: Context) => R | Promise<R>): Effect<W, R> {
  return declare({ name, changes: true }, fn);
}

/** Declares a read of the outside; see {@link effect}. */
export function look<W, R>(name: string, fn: (want: W, cx: Context) => R | Promise<R>): Effect<W, R> {
  return declare({ name, changes: false }, fn);
}
