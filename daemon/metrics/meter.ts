import type { Reconciled } from '../api/system.js';
import type { Timeline } from '../api/shapes/vm.js';

/** What parts of the daemon tell as it happens. What is a state is asked for when somebody looks. */
export interface Meter {
  /**
   * A request that has been answered.
   * @param of.method one of the contract, or `invalid` for what names none: never what a client has written
   * @param of.outcome `ok`, or the reason of the error
   */
  answered(of: { readonly method: string; readonly outcome: string; readonly milliseconds: number }): void;
  /** An operation that has ended. */
  ended(timeline: Timeline): void;
  /** A clone that was asked for; `reason` is null where it is ready, else that of its error. */
  restored(of: { readonly strategy: string; readonly reason: string | null }): void;
  /** A clone that wanted a slot, and whether there was one for it. */
  slotWanted(found: boolean): void;
  /** A run of reconcile; null where it failed as a whole. */
  reconciled(run: Reconciled | null): void;
}
