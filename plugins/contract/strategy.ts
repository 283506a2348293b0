import type { ThawError } from '../../daemon/api/thaw-error.js';
import type { Manifest } from '../../daemon/api/shapes/snapshot.js';
import type { RateLimiter } from '../../daemon/api/shapes/machine.js';
import type { VmId } from '../../daemon/api/shapes/ids.js';
import type { Grant } from './network.js';
import type { Json, Step, StepKinds } from './step.js';

/** All that a strategy may know when it plans. */
export interface PlanFacts {
  readonly vm: { readonly id: VmId; readonly name: string };
  readonly manifest: Manifest;
  readonly vmmVersion: string;
  readonly nics: readonly PlannedNic[];
}

export interface PlannedNic {
  readonly grant: Grant;
  readonly rxRateLimiter?: RateLimiter | undefined;
  readonly txRateLimiter?: RateLimiter | undefined;
}

/** Where a strategy's steps go among those that every restore has. */
export interface StrategyPlan {
  /** Before the load: taps, rules, namespaces. */
  readonly prepare: readonly Step[];
  /** More keys for `PUT /snapshot/load`, e.g. `network_overrides`. */
  readonly load: { readonly [key: string]: Json };
  /** After the load, while Paused: NICs. */
  readonly plug: readonly Step[];
}

export type Planned =
  { readonly ok: true; readonly plan: StrategyPlan } | { readonly ok: false; readonly error: ThawError };

/** How a clone gets its network: a pure plan, and the step kinds that it adds to the daemon's own. */
export interface NetworkStrategy {
  /** Whether it wants NICs of the fabric; where false none are granted. */
  readonly wantsNics: boolean;
  plan(facts: PlanFacts): Planned;
  readonly kinds: StepKinds;
  close?(): Promise<void>;
}
