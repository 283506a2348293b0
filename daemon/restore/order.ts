import { incompatible } from '../api/errors/snapshot.js';
import type { Manifest } from '../api/shapes/snapshot.js';
import type { PartSwitches } from '../api/shapes/update.js';
import type { StepListener } from '../operations/operation.js';
import type { FoundFile } from '../effects/files.js';
import type { HostFacts } from '../effects/host.js';
import type { Capabilities } from '../vmm/capabilities.js';
import type { Confinement } from '../vmm/cgroups.js';
import { vmmFiles } from '../vmm/process.js';
import { incompatibilities } from '../vmm/compatibility.js';
import { internal } from '../api/errors/rpc.js';
import type { Bond } from '../records/vm-record.js';
import type { ContainerJoin, Grant, PlanFacts, StrategyPlan } from '../../plugins/contract.js';
import type { Choice } from './choose.js';

/** What is asked for all clones of one request, decided. */
export interface Order extends Choice {
  readonly manifest: Manifest;
  /** True for a snapshot that is not published yet. */
  readonly draft: boolean;
  /** Absolute path of one of the snapshot's files, or the draft's. */
  readonly path: (file: string) => string;
  /** Those of the drives that lie outside of the snapshot. */
  readonly files: readonly FoundFile[];
  readonly vmm: Capabilities;
  readonly readyTimeout: number;
  readonly ping: boolean;
  /** What each VMM may use; null for no limits. */
  readonly confinement: Confinement | null;
  /** Milliseconds that each clone may live. */
  readonly ttl?: number | undefined;
  readonly keepOnFailure: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Over those of the configuration. */
  readonly parts?: PartSwitches | undefined;
  readonly userData?: string | undefined;
  /** For a container: how it reaches its clone, and what binds the clone to it. */
  readonly container?: { readonly join: ContainerJoin | null; readonly bond: Bond } | undefined;
  readonly signal: AbortSignal;
  /** Makes the follower of one clone's steps. */
  readonly follow?: ((clone: { vm: string; operation: string }) => StepListener) | undefined;
}

/** Refuses a snapshot that this host can't load. @throws incompatible */
export function assertLoadable(manifest: Manifest, host: HostFacts, vmm: Capabilities): void {
  const problems = incompatibilities(manifest, host, vmm);
  const snapshot = manifest.name ?? manifest.id;
  if (problems.length > 0) throw incompatible({ snapshot, problems: [...problems] });
}

/**
 * The vsock that each clone gets. In the snapshot of a VM that somebody else booted its socket may have an absolute path,
 * which only one VM could have: where Firecracker can be told another one, it is the clone's own.
 */
export function vsockOf({ manifest: { vsock }, vmm }: Pick<Order, 'manifest' | 'vmm'>): Manifest['vsock'] {
  return vsock?.path.startsWith('/') && vmm.has('vsockOverride') ? { ...vsock, path: vmmFiles.vsock } : vsock;
}

/** The strategy's plan for one clone. */
export function strategyPlan(
  order: Pick<Order, 'manifest' | 'strategy' | 'places' | 'vmm'>,
  vm: PlanFacts['vm'],
  grants: readonly Grant[],
): StrategyPlan {
  const { manifest, strategy, places } = order;
  const nics = places.map((place, index) => {
    const grant = grants[index];
    if (!grant) throw internal({ what: `nothing was granted for ${place.nic}` });
    return { place, grant };
  });
  return strategy.plugin.plan({ vm, manifest, vmmVersion: order.vmm.version, nics });
}
