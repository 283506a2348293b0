import { incompatible, notFit } from '../api/errors/snapshot.js';
import type { Manifest } from '../api/shapes/snapshot.js';
import { VmId } from '../api/shapes/ids.js';
import type { NicWish } from '../api/snapshot.js';
import type { StepListener } from '../operations/operation.js';
import type { HostFacts } from '../effects/host.js';
import type { Capabilities } from '../vmm/capabilities.js';
import { incompatibilities } from '../vmm/compatibility.js';
import type { Grant, NetworkStrategy, PlanFacts, StrategyPlan } from '../../plugins/contract.js';

/** What is asked for all clones of one request. */
export interface Order {
  readonly manifest: Manifest;
  /** True for a snapshot that is not published yet. */
  readonly draft: boolean;
  /** Absolute path of one of the snapshot's files, or the draft's. */
  readonly path: (file: string) => string;
  readonly strategy: { readonly name: string; readonly plugin: NetworkStrategy };
  readonly nics: readonly NicWish[];
  readonly vmm: Capabilities;
  readonly readyTimeout: number;
  readonly ping: boolean;
  readonly keepOnFailure: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Makes the follower of one clone's steps. */
  readonly follow?: ((clone: { vm: string; operation: string }) => StepListener) | undefined;
}

/** Stands for the clone while only the snapshot's fitness is asked for. */
const nobody = VmId.parse('vm-0000000000');

/**
 * Refuses, before anything is made, what no clone of this order could get.
 * @throws incompatible, notFit, noPci, vmmTooOld
 */
export function assertPossible(order: Order, host: HostFacts): void {
  const { manifest, strategy, vmm } = order;
  const snapshot = manifest.name ?? manifest.id;
  const problems = incompatibilities(manifest, host, vmm);
  if (problems.length > 0) throw incompatible({ snapshot, problems: [...problems] });
  if (!strategy.plugin.wantsNics && order.nics.length > 0) {
    const why = 'it gives no NICs, but some were asked for';
    throw notFit({
      snapshot,
      strategy: strategy.name,
      why,
      instead: 'Leave out the NICs, or choose another strategy',
    });
  }
  strategyPlan(order, { id: nobody, name: 'clone' }, []);
}

/** The strategy's plan for one clone. @throws its refusal */
export function strategyPlan(order: Order, vm: PlanFacts['vm'], grants: readonly Grant[]): StrategyPlan {
  const nics = grants.map((grant, index) => {
    const { rxRateLimiter, txRateLimiter } = order.nics[index] ?? {};
    return { grant, rxRateLimiter, txRateLimiter };
  });
  const planned = order.strategy.plugin.plan({
    vm,
    manifest: order.manifest,
    vmmVersion: order.vmm.version,
    nics,
  });
  if (planned.ok) return planned.plan;
  throw planned.error;
}
