import { join } from 'node:path';
import type { VmId } from '../api/shapes/ids.js';
import type { UpdatePart } from '../api/shapes/update.js';
import type { Manifest } from '../api/shapes/snapshot.js';
import { confine } from '../vms/confine.js';
import type { Confinement } from '../vmm/cgroups.js';
import type { CompatibleStep } from '../steps/compatible.js';
import type { DisksStep } from '../steps/disks.js';
import type { FolderStep } from '../steps/folder.js';
import type { ConfirmStep, UpdateStep } from '../steps/guest.js';
import type { FoundFile } from '../effects/files.js';
import type { LoadStep } from '../steps/load.js';
import { openedStep } from '../steps/opened.js';
import type { ResumeStep } from '../steps/power.js';
import type { VmmStep } from '../steps/vmm.js';
import { dnsOf, identityDocument } from '../vms/identity.js';
import { neededParts } from '../vms/update-parts.js';
import type { Grant, Step, StrategyPlan } from '../../plugins/contract.js';

/** All that the plan of one clone is made from. */
export interface RestoreFacts {
  readonly vm: { readonly id: VmId; readonly name: string; readonly dir: string };
  readonly manifest: Manifest;
  /** True for a draft, which is not in the catalog yet: nobody has had a chance to change it. */
  readonly draft: boolean;
  /** Absolute path of one of the snapshot's files: `state`, `mem`, `disks/…`. */
  readonly path: (file: string) => string;
  /** Those of the drives that lie outside of the snapshot. */
  readonly files: readonly FoundFile[];
  /** Absolute folder for the clone's own copies of disks. */
  readonly diskDir: string;
  readonly strategy: StrategyPlan;
  readonly grants: readonly Grant[];
  /** Whether this Firecracker knows `--enable-pci`. */
  readonly pci: boolean;
  /** The clone's own vsock. */
  readonly vsock: Manifest['vsock'];
  /** What its VMM may use; null for no limits. */
  readonly confinement: Confinement | null;
  readonly machineId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly userData: string | null;
  readonly readyTimeout: number;
  readonly ping: boolean;
  /** Parts of the update without which the clone is not ready. */
  readonly needs: readonly UpdatePart[];
  /** Parts of the update that are done at all. */
  readonly parts: readonly UpdatePart[];
}

/** What a slot holds before anybody asks: the steps that need no snapshot. */
export function planSlot(
  vm: RestoreFacts['vm'],
  pci: boolean,
  { prepare, vmm }: Pick<StrategyPlan, 'prepare' | 'vmm'>,
): readonly Step[] {
  const folder: FolderStep = { kind: 'folder', vm: vm.id, dir: vm.dir };
  const process: VmmStep = { kind: 'vmm', vm: vm.id, dir: vm.dir, pci, ...vmm };
  return [folder, ...prepare, process];
}

/** The steps of one clone, in order. */
export function planRestore(facts: RestoreFacts): readonly Step[] {
  const { vm, manifest, strategy } = facts;
  const compatible: CompatibleStep = { kind: 'compatible', vm: vm.id, snapshot: manifest.id };
  const load: LoadStep = {
    kind: 'load',
    vm: vm.id,
    dir: vm.dir,
    snapshot: manifest.id,
    state: facts.path('state'),
    mem: facts.path('mem'),
    extra: { ...strategy.load.keys },
    ...(facts.vsock && facts.vsock.path !== manifest.vsock?.path && { vsockPath: facts.vsock.path }),
    taps: [...strategy.load.taps],
  };
  const resume: ResumeStep = { kind: 'resume', vm: vm.id, preconnect: manifest.agent !== null };
  return [
    ...(facts.draft ? [] : [compatible]),
    ...planSlot(vm, facts.pci, strategy),
    ...confine(vm.id, facts.confinement),
    ...disks(facts),
    load,
    ...(facts.files.length > 0 ? [openedStep(vm.id, facts.files)] : []),
    ...strategy.plug,
    resume,
    ...(manifest.agent === null ? strategy.settle : guest(facts)),
  ];
}

function disks({ vm, manifest, path, diskDir }: RestoreFacts): readonly Step[] {
  const relative = manifest.drives.filter((drive) => !drive.path.startsWith('/'));
  if (relative.length === 0) return [];
  const step: DisksStep = {
    kind: 'disks',
    vm: vm.id,
    dir: vm.dir,
    disks: relative.map((drive) => ({
      link: drive.path,
      from: drive.file.startsWith('/') ? drive.file : path(`disks/${drive.file}`),
      copy: drive.readOnly ? null : join(diskDir, drive.path),
    })),
  };
  return [step];
}

function guest(facts: RestoreFacts): readonly Step[] {
  const { vm, manifest, grants, strategy, parts, machineId } = facts;
  const told = strategy.guest.map(({ tell }) => tell);
  const update: UpdateStep = {
    kind: 'update',
    vm: vm.id,
    timeout: facts.readyTimeout,
    rescan: strategy.rescan,
    parts: [...parts],
    hostname: vm.name,
    machineId,
    nics: told,
    dns: told.length > 0 ? dnsOf(grants) : [],
    document: identityDocument({
      ...{ vm: vm.id, name: vm.name, machineId, grants, nics: told },
      ...{ snapshot: manifest.id, generation: manifest.generation + 1 },
      ...{ labels: facts.labels, userData: facts.userData },
    }),
    needs: neededParts(facts.needs, { parts, nics: told.length }),
  };
  const ping = facts.ping ? grants.flatMap((grant) => grant.addresses.map(withoutPrefix)) : [];
  const confirm: ConfirmStep = { kind: 'confirm', vm: vm.id, ping, timeout: facts.readyTimeout };
  return [update, ...strategy.settle, confirm];
}

/** `10.88.0.5` of `10.88.0.5/16`. */
export function withoutPrefix(address: string): string {
  return address.split('/')[0] ?? address;
}
