/** Whose request an operation answers: its lines in the log carry that. */
export interface Asker {
  /** What the client has called its request; null for a notification. */
  readonly request: string | number | null;
  readonly peer: { readonly pid: number; readonly uid: number };
}

// By the signal that comes with every request: what it starts is given that, and nothing else of it.
const askers = new WeakMap<AbortSignal, Asker>();

/** Notes who is behind a signal, if anybody is. */
export function noteAsker(signal: AbortSignal, asker: Asker | undefined): void {
  if (asker) askers.set(signal, asker);
}

/** Who is behind a signal, if somebody is. */
export const askerOf = (signal: AbortSignal | undefined): Asker | undefined => signal && askers.get(signal);
