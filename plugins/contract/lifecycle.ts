import type { Manifest } from '../../daemon/api/shapes/snapshot.js';
import type { Vm } from '../../daemon/api/shapes/vm.js';
import type { Context } from './context.js';
import type { Json } from './step.js';

/** What is told of a VM. Of one VM it is told in this order, one moment after the other. */
export const vmMoments = [
  /** Asked for, named and recorded, nothing of it is made yet. The one moment that may refuse. */
  'vm.preparing',
  /** Restored and paused: its memory is there, its processors have not run. Not of a VM that boots. */
  'vm.loaded',
  /** A NIC was plugged into it; with a restore while it is paused. Not NICs that came with its snapshot. */
  'vm.attached',
  /** Its guest has confirmed who it is; again where a degraded one is well. Never of a VM whose guest nobody asks. */
  'vm.ready',
  /** Its API or its agent is silent. */
  'vm.degraded',
  /** It could not be made. What there is of it is undone after this, unless it is kept. */
  'vm.failed',
  /** Its VMM has ended, asked to or not. Its folder, disks and NICs are still there. Never of one that has failed. */
  'vm.stopped',
  /** Nothing of it is left, or it was given back as it was: the last of every VM. */
  'vm.removed',
  /** Somebody else’s was taken under management. */
  'vm.adopted',
] as const;
export type VmMoment = (typeof vmMoments)[number];

/** What is told of a snapshot. */
export const snapshotMoments = [
  /** About to be taken: its source is still as it was. */
  'snapshot.creating',
  /** Whole, and to be restored from. */
  'snapshot.created',
  /** It could not be taken; its source goes on. */
  'snapshot.failed',
  'snapshot.deleted',
] as const;
export type SnapshotMoment = (typeof snapshotMoments)[number];

export type Moment = VmMoment | SnapshotMoment;

interface Told {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Null where no operation brought it about: a VM that has become degraded. */
  readonly operation: string | null;
  /** More of it: `nic`, `tap`, `mac` of a NIC; `reason` and `message` of a failure or an end nobody asked for. */
  readonly detail: { readonly [key: string]: Json | undefined };
}

/** A moment of a VM, with the VM as `vm.get` shows it right then. */
export interface VmTold extends Told {
  readonly vm: Vm;
}

/** What is known of a snapshot before it is taken as well as after it is gone; `source` is the VM that it is taken from. */
export type SnapshotFacts = Pick<Manifest, 'id' | 'name' | 'labels' | 'source'>;

/** A moment of a snapshot. */
export interface SnapshotTold extends Told {
  readonly snapshot: SnapshotFacts;
}

/**
 * Called with what is told, and with the signal that its deadline aborts. What it returns is not looked at. Of
 * `vm.preparing`, what it throws refuses the VM, with the error's message as the reason; any other that throws or is
 * late is logged by its plugin's name, and the change goes on.
 */
export type Hook<T> = (told: T, cx: Pick<Context, 'signal'>) => Promise<unknown> | void;

export type HookTable = { readonly [M in VmMoment]?: Hook<VmTold> } & {
  readonly [M in SnapshotMoment]?: Hook<SnapshotTold>;
};

/** What there is when a daemon has taken up what an earlier one left. */
export interface Present {
  readonly vms: readonly Vm[];
  readonly snapshots: readonly SnapshotFacts[];
}

/**
 * What a plugin of the kind `lifecycle` gives: what it does when VMs and snapshots come, change and go.
 *
 * The change that brings a moment about waits for the hooks, `vm.degraded` apart: a restore is answered when all have
 * heard of `vm.ready`, and nothing of a VM is freed before all have heard of `vm.stopped`. Plugins are called one after
 * the other, by `order`, then by name. Each moment is told once in a daemon's life; a daemon that is killed tells it not
 * at all, or the next one does once more. So a plugin that keeps something of VMs compares it in `synchronize`.
 */
export interface LifecycleHooks {
  /** 0 to 99, lower ones first; 50 where it is left out. */
  readonly order?: number;
  /** Milliseconds for each call, at most 30000; 2000 where it is left out. */
  readonly deadline?: number;
  readonly hooks: HookTable;
  /**
   * Called once, before the daemon answers anybody, with all that is there. VMs that have gone while no daemon ran are
   * told of before it, by `vm.stopped` and `vm.removed`.
   */
  synchronize?(present: Present, cx: Pick<Context, 'signal'>): Promise<unknown> | void;
  close?(): Promise<void>;
}
