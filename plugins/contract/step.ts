import type { z } from 'zod';
import type { Context } from './context.js';

/** JSON, as it comes back from a record. */
export type Json =
  string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/** One step of a plan: data, written to the VM's record before it runs. */
export interface Step {
  readonly kind: string;
  readonly [field: string]: Json | undefined;
}

/** One thing that is not as a step left it. */
export interface Difference {
  readonly what: string;
  readonly problem: string;
  readonly remedy: string;
}

/**
 * What can be done with steps of one kind. All of it is idempotent and needs the step's data only, so that the next
 * daemon can call it from the record.
 */
export interface StepKind<S extends Step = Step> {
  readonly kind: S['kind'];
  /** Checks the data when a record is read back. */
  readonly schema: z.ZodType<S>;
  /** Does it. What it returns goes into the timeline. */
  run(step: S, cx: Context): Promise<Json | void>;
  /**
   * Takes it back, whether `run` happened, half happened or never did. Its context has a deadline of its own and
   * never the signal of the operation that was cancelled.
   */
  undo(step: S, cx: Context): Promise<void>;
  /** Whether `undo` would unplug a device now, after which no further one would work: that is written down first. */
  unplugs?(step: S, cx: Context): Promise<boolean>;
  /** What differs from what `run` left; empty where all is well. Changes nothing. */
  check(step: S, cx: Context): Promise<readonly Difference[]>;
  /** Takes up again, in memory, what a recorded step holds: a lease, a claim on a name. Called at the daemon's start. */
  adopt?(step: S): void;
}

/** The kinds that a plan may use, by name. */
export type StepKinds = Readonly<Record<string, StepKind>>;

/** Forgets the exact type of a kind's steps: its schema has checked them by the time it is called. */
export function stepKind<S extends Step>(kind: StepKind<S>): StepKind {
  return kind;
}

/** For kinds whose effect dies with the VM's process, or that only look: nothing to undo, nothing to check. */
export const nothing = {
  undo: (): Promise<void> => Promise.resolve(),
  check: (): Promise<readonly Difference[]> => Promise.resolve([]),
} as const;
