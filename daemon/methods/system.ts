import { contractVersion } from '../api/system.js';
import type { Differences } from '../config/differences.js';
import type { Config } from '../config/schema.js';
import { diagnose } from '../doctor/index.js';
import { textOf, type Roots } from './roots.js';
import type { Vitals } from '../metrics/vitals.js';
import type { Reconciler } from '../reconcile/reconciler.js';
import type { Operations } from '../operations/operations.js';
import type { SlotPool } from '../restore/slots.js';
import { asThawError } from '../operations/operation.js';
import type { Fleet } from '../vmm/fleet.js';
import type { Registry } from '../vms/registry.js';
import type { Fabric } from '../../plugins/contract.js';
import { version } from '../config/version.js';
import type { Handlers } from './call.js';

export interface SystemParts {
  readonly config: Config;
  readonly roots: Roots;
  readonly startedAt: number;
  readonly fleet: Fleet;
  readonly fabric: Fabric;
  readonly registry: Registry;
  readonly operations: Operations;
  readonly slots: SlotPool;
  readonly vitals: Vitals;
  readonly reconciler: Reconciler;
  readonly plugins: () => readonly { kind: string; name: string }[];
  readonly stopping: () => boolean;
  readonly reload: () => Promise<Differences>;
}

type SystemMethods = 'system.info' | 'system.health' | 'system.doctor' | 'system.reconcile' | 'system.reload';

/** What the daemon tells of itself and of its host. */
export function systemHandlers(parts: SystemParts): Pick<Handlers, SystemMethods> {
  const { config, roots, fleet, fabric, registry, operations, slots, vitals } = parts;
  const firecracker = async (
    signal: AbortSignal,
  ): Promise<{ version: string | null; problem: string | null }> => {
    try {
      const capabilities = await fleet.capabilities(operations.looking(signal));
      return { version: capabilities.version, problem: null };
    } catch (error) {
      return { version: null, problem: asThawError(error).message };
    }
  };
  return {
    'system.info': async (_params, call) => ({
      version,
      contract: contractVersion,
      pid: process.pid,
      startedAt: parts.startedAt,
      runDir: config.runDir,
      storeDir: config.storeDir,
      firecracker: { binary: config.firecracker.binary, ...(await firecracker(call.signal)) },
      networks: fabric.networks().map((network) => network.name),
      plugins: [...parts.plugins()],
      peer: { uid: call.peer.uid, access: call.access },
    }),
    'system.health': () => ({
      status: parts.stopping() ? 'stopping' : 'ok',
      vms: registry.size,
      operations: operations.running,
      slots: slots.ready,
      room: registry.room.used,
      residentBytes: vitals.residentBytes,
      eventLoopLagMs: vitals.eventLoopLagMs,
    }),
    'system.reload': async () => {
      const { live, restart } = await parts.reload();
      return { applied: [...live], restart: [...restart] };
    },
    'system.reconcile': ({ dryRun }, call) => parts.reconciler.run(dryRun, call.signal),
    'system.doctor': async ({ kernelConfig: path }, call) => {
      const cx = operations.looking(call.signal);
      const kernelConfig =
        path === undefined ? undefined : await textOf(path, { peer: call.peer, roots }, cx);
      const { binary } = config.firecracker;
      const found = await firecracker(call.signal);
      return {
        diagnoses: await diagnose(
          {
            ...{ binary, runDir: config.runDir, storeDir: config.storeDir, ...found, kernelConfig },
            engines: await fabric.engines(cx),
          },
          cx,
        ),
      };
    },
  };
}
