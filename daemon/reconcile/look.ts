import { join } from 'node:path';
import { VmId } from '../api/shapes/ids.js';
import { processAlive } from '../effects/process.js';
import { subfolders } from '../effects/run-watch.js';
import { asThawError } from '../operations/operation.js';
import { kindOf } from '../operations/run-steps.js';
import { Turnstile } from '../operations/turnstile.js';
import type { Records } from '../records/records.js';
import type { Cgroups } from '../vmm/cgroups.js';
import type { Fleet } from '../vmm/fleet.js';
import { whoLives } from '../vms/collector.js';
import type { Lifecycle } from '../vms/lifecycle.js';
import type { Registry } from '../vms/registry.js';
import type { Vm } from '../vms/vm.js';
import type { Context, Difference, Fabric, SnapshotStore, Step, StepKinds } from '../../plugins/contract.js';
import type { Found, FoundVm } from './diff.js';

export interface LookParts {
  readonly runDir: string;
  readonly records: Records;
  readonly kinds: StepKinds;
  readonly fleet: Fleet;
  readonly fabric: Fabric;
  readonly store: SnapshotStore;
  readonly cgroups: Cgroups;
  readonly registry: Registry;
  readonly lifecycle: Lifecycle;
}

/** VMs looked at side by side: enough to wait for none, few enough to leave no garbage that has grown old. */
const atOnce = 32;

/** The folders that are named like VMs of ours, known or not. */
async function vmFolders(runDir: string, cx: Context): Promise<readonly string[]> {
  const names = await subfolders(join(runDir, 'vms'), cx);
  return names.filter((name) => VmId.safeParse(name).success);
}

/** Looks at everything that nobody works on. Changes nothing. */
export async function lookAtAll(parts: LookParts, cx: Context): Promise<Found> {
  const { runDir, records, registry, fabric, store, cgroups } = parts;
  const written = new Set(await records.ids(cx));
  const folders = await vmFolders(runDir, cx);
  const unknown = (id: string): boolean => registry.byId(id) === undefined;
  const [strayRecords, strayFolders] = [[...written].filter(unknown), folders.filter(unknown)];
  const turns = new Turnstile(atOnce);
  const vms = await Promise.all(
    registry.all().map((vm) => turns.through(cx.signal, () => lookAtVm(vm, { ...parts, written }, cx))),
  );
  const alive = await whoLives(parts, cx);
  return {
    vms: vms.filter((vm) => vm !== null),
    strayRecords,
    strayFolders,
    strays: [
      ...(await fabric.strays(alive, cx)),
      ...(await store.strays(alive, cx)),
      ...(await cgroups.strays(alive, cx)),
    ],
    lost: await fabric.lost(cx),
  };
}

/** Looks at one VM; null where somebody works on it, or began to meanwhile: then what was seen means nothing. */
export async function lookAtVm(
  vm: Vm,
  { kinds, fleet, lifecycle, written }: LookParts & { written: ReadonlySet<string> },
  cx: Context,
): Promise<FoundVm | null> {
  if (vm.operation || lifecycle.burying(vm)) return null;
  const { record, claims } = vm;
  const identity = fleet.identity(vm.id) ?? record.process;
  const alive = identity !== null && (await processAlive(identity, cx));
  const differences: Difference[] = [];
  if (alive) for (const step of record.steps) differences.push(...(await checkStep(step, kinds, cx)));
  if (vm.claims !== claims || lifecycle.burying(vm)) return null;
  return { record, alive, written: written.has(vm.id), differences };
}

async function checkStep(step: Step, kinds: StepKinds, cx: Context): Promise<readonly Difference[]> {
  // Rules are looked at for all VMs at once, and made again.
  if (step.kind === 'filter' || step.kind === 'ports') return [];
  try {
    return await kindOf(kinds, step).check(step, cx);
  } catch (thrown) {
    cx.signal.throwIfAborted();
    const error = asThawError(thrown);
    return [{ what: step.kind, problem: error.message, remedy: error.detail.remedy }];
  }
}
