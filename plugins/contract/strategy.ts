import type { RestoreNic } from '../../daemon/api/snapshot.js';
import type { ThawError } from '../../daemon/api/thaw-error.js';
import type { Manifest } from '../../daemon/api/shapes/snapshot.js';
import type { SnapshotId, VmId } from '../../daemon/api/shapes/ids.js';
import type { GuestNic } from './agent.js';
import type { Grant, GrantWish } from './network.js';
import type { Json, Step, StepKinds } from './step.js';

/** What is asked of a strategy before any clone is made: all that holds for each clone of a request. */
export interface Question {
  readonly manifest: Manifest;
  readonly vmmVersion: string;
  /** The NICs asked for; null where the caller leaves them to the strategy. */
  readonly wishes: readonly RestoreNic[] | null;
  /** How many clones are asked for at once. */
  readonly clones: number;
  /** Whether NICs inside the snapshot shall keep their MACs. */
  readonly keepMac: boolean;
  /** Of the taps that the manifest names, those that are in use, and by whom. */
  readonly tapUsers: ReadonlyMap<string, string>;
}

/** One NIC that each clone gets. What is left open is leased or made when a clone is granted it. */
export type Place = Omit<GrantWish, 'vm'> & Pick<RestoreNic, 'rxRateLimiter' | 'txRateLimiter'>;

/** Whether a strategy can do what is asked, and with which NICs. */
export type Verdict =
  | { readonly ok: true; readonly places: readonly Place[] }
  | { readonly ok: false; readonly error: ThawError };

/** All that a strategy may know when it plans one clone. */
export interface PlanFacts {
  readonly vm: { readonly id: VmId; readonly name: string };
  readonly manifest: Manifest;
  readonly vmmVersion: string;
  /** The places of the verdict, in its order, each with what was granted for it. */
  readonly nics: readonly PlannedNic[];
}

export interface PlannedNic {
  readonly place: Place;
  readonly grant: Grant;
}

/** One NIC as the guest has it once the clone is ready. */
export interface GuestSide {
  readonly nic: string;
  readonly tell: GuestNic;
  /** True where that is not the grant's, but what the guest has had all along: behind NAT. */
  readonly inner?: true;
}

/** Where a strategy's steps go among those that every restore has. */
export interface StrategyPlan {
  /** Before the VMM is started: leases, taps, rules, namespaces. */
  readonly prepare: readonly Step[];
  /** How the VMM is started: with `netns: 'own'` in the namespace that the fabric's step `netns` has given the VM. */
  readonly vmm: { readonly netns?: 'own' };
  readonly load: {
    /** More keys for `PUT /snapshot/load`, e.g. `network_overrides`. */
    readonly keys: { readonly [key: string]: Json };
    /** The fabric's taps that the load opens: proven to be there and free just before it. */
    readonly taps: readonly string[];
  };
  /** After the load, while Paused: NICs, limits. */
  readonly plug: readonly Step[];
  /** True where the guest must look for new devices before it is told. */
  readonly rescan: boolean;
  /** How the guest is told, one for each NIC. */
  readonly guest: readonly GuestSide[];
  /** After the guest has confirmed its update, before the last word: opening a port. */
  readonly settle: readonly Step[];
}

/** How a clone gets its network: pure decisions, and the step kinds that it adds to the daemon's own. */
export interface NetworkStrategy {
  /** True where what it prepares can be made before anybody asks for a clone, in a slot. */
  readonly slots: boolean;
  /** Pure. */
  judge(question: Question): Verdict;
  /** The plan of one clone, for a question that was judged well. Pure. */
  plan(facts: PlanFacts): StrategyPlan;
  /** The name of the nth tap in a snapshot of this id, where names follow from it: sources are booted with them. Pure. */
  tapName?(snapshot: SnapshotId, index: number): string;
  readonly kinds: StepKinds;
  close?(): Promise<void>;
}
