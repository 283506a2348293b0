import { join } from 'node:path';
import type { Manifest } from '../api/shapes/snapshot.js';
import { LinkName, Mac, type SnapshotId, type VmId } from '../api/shapes/ids.js';
import type { FoundFile } from '../effects/files.js';
import type { VmRecord } from '../records/vm-record.js';
import type { PauseStep, QuietStep, WakeStep } from '../steps/power.js';
import type {
  CaptureStep,
  CreateStep,
  DraftStep,
  GuardStep,
  PublishStep,
  Unsealed,
  VerifyStep,
} from '../steps/snapshot.js';
import type { VmmConfig } from '../vmm/answers.js';
import type { Step } from '../../plugins/contract.js';

export interface SnapshotFacts {
  readonly vm: { readonly id: VmId; readonly dir: string };
  readonly snapshot: SnapshotId;
  /** The draft's folder. */
  readonly draft: string;
  readonly wasRunning: boolean;
  readonly drives: VmRecord['drives'];
  /** Whether a throw-away clone is to prove that a NIC lives. */
  readonly verify: boolean;
  readonly keepNics: boolean;
  readonly manifest: Unsealed;
}

/** The steps of taking a snapshot, in order: the source stands still from `pause` to `wake` only. */
export function planSnapshot(facts: SnapshotFacts): readonly Step[] {
  const { vm, snapshot, draft, wasRunning } = facts;
  const quiet: QuietStep = { kind: 'quiet', vm: vm.id };
  const making: DraftStep = { kind: 'draft', vm: vm.id, snapshot };
  const pause: PauseStep = { kind: 'pause', vm: vm.id, wasRunning };
  const guard: GuardStep = { kind: 'guard', vm: vm.id };
  const capture: CaptureStep = { kind: 'capture', vm: vm.id, dir: draft, disks: writableDisks(facts) };
  const create: CreateStep = { kind: 'create', vm: vm.id, dir: draft };
  const wake: WakeStep = { kind: 'wake', vm: vm.id, wasRunning };
  const verify: VerifyStep = { kind: 'verify', vm: vm.id, dir: draft, manifest: facts.manifest };
  const publish: PublishStep = { kind: 'publish', vm: vm.id, dir: draft, manifest: facts.manifest };
  return [
    quiet,
    making,
    pause,
    ...(facts.keepNics ? [] : [guard]),
    ...(capture.disks.length > 0 ? [capture] : []),
    create,
    wake,
    ...(facts.verify ? [verify] : []),
    publish,
  ];
}

function writableDisks({ vm, drives }: SnapshotFacts): CaptureStep['disks'] {
  return drives
    .filter((drive) => !drive.readOnly)
    .map(({ path, inode }) => ({ from: join(vm.dir, path), file: path, ...(inode && { inode }) }));
}

/**
 * A snapshot's NICs: taps as the VMM has them, the rest as the guest does. Once a guest was told another MAC, the VMM's
 * word for it is no longer true. In the order of their ids: the VMM's own is not stable (fact 14).
 */
export function manifestNics(
  nics: VmmConfig['network-interfaces'],
  attachments: VmRecord['attachments'],
): Manifest['nics'] {
  return nics
    .map(({ iface_id: id, host_dev_name: tap, guest_mac: mac }) => {
      const known = attachments.find(({ grant }) => grant.nic === id);
      return {
        id,
        tap: LinkName.parse(tap),
        mac: Mac.nullable().parse(known?.inner?.mac ?? known?.grant.mac ?? mac?.toLowerCase() ?? null),
        network: known?.grant.network ?? null,
        addresses: [...((known?.inner ?? known?.grant)?.addresses ?? [])],
        gateway: (known?.inner ?? known?.grant)?.gateway ?? null,
        gateway6: (known?.inner ?? known?.grant)?.gateway6 ?? null,
        mtu: (known?.inner ?? known?.grant)?.mtu ?? null,
      };
    })
    .sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
}

/** A snapshot's drives: writable ones with a file of the snapshot's, read-only ones where they lie, as `found`. */
export function manifestDrives(
  drives: VmRecord['drives'],
  found: ReadonlyMap<string, FoundFile>,
): Manifest['drives'] {
  return drives.map(({ inode: _known, ...drive }) => {
    const shared = found.get(drive.id);
    if (!shared) return { ...drive, file: drive.path };
    return { ...drive, file: shared.path, ...(shared.content && { was: shared.content }) };
  });
}
