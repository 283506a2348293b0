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

type Wrapped<A extends unknown[], R> = (...args: [...A, Context]) => Promise<R>;

function declare<A extends unknown[], R>(
  name: string,
  changes: boolean,
  fn: (...args: [...A, Context]) => R | Promise<R>,
): Wrapped<A, R> {
  if (declared.some((other) => other.name === name)) throw new TypeError(`effect ${name} is declared twice`);
  declared.push({ name, changes });
  return async (...args) => {
    const cx = args.at(-1) as Context;
    cx.signal.throwIfAborted();
    const { probe } = cx;
    if (probe.edge) await probe.edge(name, 'before', cx.signal);
    const start = performance.now();
    let failed = true;
    try {
      const result = await fn(...args);
      failed = false;
      if (probe.edge) await probe.edge(name, 'after', cx.signal);
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
export function effect<A extends unknown[], R>(
  name: string,
  fn: (...args: [...A, Context]) => R | Promise<R>,
): Wrapped<A, R> {
  return declare(name, true, fn);
}

/** Declares a read of the outside; see {@link effect}. */
export function look<A extends unknown[], R>(
  name: string,
  fn: (...args: [...A, Context]) => R | Promise<R>,
): Wrapped<A, R> {
  return declare(name, false, fn);
}
