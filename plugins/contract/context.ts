/** Where a fault can be put: around every effect, by the effect's name. */
export type Edge = 'before' | 'after';

/** What watches an operation's effects: the timeline always, injected faults in tests. */
export interface Probe {
  /** Called around each effect; may throw or wait, which is how faults are injected. */
  edge?(effect: string, edge: Edge, signal: AbortSignal): void | Promise<void>;
  /** An effect that took place, in milliseconds of `performance.now()`. */
  effect(name: string, start: number, end: number, failed: boolean): void;
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

/** The same context, given up after `milliseconds` as well. */
export function withDeadline(cx: Context, milliseconds: number): Context {
  return withSignal(cx, AbortSignal.any([cx.signal, AbortSignal.timeout(milliseconds)]));
}
