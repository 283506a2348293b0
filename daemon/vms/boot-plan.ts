import type { VmId } from '../api/shapes/ids.js';
import type { MachineSpec } from '../api/shapes/machine.js';
import type { FoundFile } from '../effects/files.js';
import type { VmRecord } from '../records/vm-record.js';
import type { ConfigureStep, StartStep } from '../steps/boot.js';
import type { DisksStep } from '../steps/disks.js';
import type { FolderStep } from '../steps/folder.js';
import type { HelloStep, UpdateStep } from '../steps/guest.js';
import type { NicStep } from '../steps/nic.js';
import { openedStep } from '../steps/opened.js';
import type { VmmStep } from '../steps/vmm.js';
import { dnsOf } from './identity.js';
import type { Confinement } from '../vmm/cgroups.js';
import { confine } from './confine.js';
import { guestNic, type Grant, type Place, type Step } from '../../plugins/contract.js';

export interface BootFacts {
  readonly vm: { readonly id: VmId; readonly name: string; readonly dir: string };
  readonly spec: MachineSpec;
  /** What its files were when they were judged. */
  readonly files: readonly FoundFile[];
  readonly pci: boolean;
  /** What each grant was asked for with. */
  readonly places: readonly Place[];
  readonly grants: readonly Grant[];
  /** The steps that make the grants real. */
  readonly prepare: readonly Step[];
  readonly agent: VmRecord['agent'];
  /** What its VMM may use; null for no limits. */
  readonly confinement: Confinement | null;
  readonly machineId: string;
  /** Milliseconds for the guest's agent; 0 to not wait. */
  readonly readyTimeout: number;
}

/** The vsock's path, relative: a clone's is found in the clone's own folder (fact 9). */
export const vsockPath = 'v.sock';

/** How a drive is called in the VM's folder. */
export const driveLink = (id: string): string => `drive-${id}`;

/** The steps of a boot, in order. */
export function planBoot(facts: BootFacts): readonly Step[] {
  const { vm, spec } = facts;
  const folder: FolderStep = { kind: 'folder', vm: vm.id, dir: vm.dir };
  const disks: DisksStep = {
    kind: 'disks',
    vm: vm.id,
    dir: vm.dir,
    disks: spec.drives.map((drive) => ({
      link: driveLink(drive.drive_id),
      from: drive.path_on_host,
      copy: null,
    })),
  };
  const vmm: VmmStep = { kind: 'vmm', vm: vm.id, dir: vm.dir, pci: facts.pci };
  const configure: ConfigureStep = {
    kind: 'configure',
    vm: vm.id,
    source: spec['boot-source'],
    machine: spec['machine-config'],
    drives: spec.drives.map((drive) => ({ ...drive, path_on_host: driveLink(drive.drive_id) })),
    vsock: spec.vsock && { guestCid: spec.vsock.guest_cid, path: vsockPath },
    ...(spec.entropy && { entropy: spec.entropy }),
  };
  const nics = facts.grants.map(({ nic, tap, mac, mtu }, index): NicStep => {
    const { rxRateLimiter, txRateLimiter } = facts.places[index] ?? {};
    return {
      ...{ kind: 'nic', vm: vm.id, nic, tap, mac, mtu },
      ...(rxRateLimiter && { rxRateLimiter }),
      ...(txRateLimiter && { txRateLimiter }),
    };
  });
  const start: StartStep = { kind: 'start', vm: vm.id };
  return [
    folder,
    ...(disks.disks.length > 0 ? [disks] : []),
    ...facts.prepare,
    vmm,
    ...confine(vm.id, facts.confinement),
    configure,
    openedStep(vm.id, facts.files),
    ...nics,
    start,
    ...(facts.agent !== null && facts.readyTimeout > 0 ? guest(facts) : []),
  ];
}

function guest({ vm, grants, machineId, readyTimeout }: BootFacts): readonly Step[] {
  const hello: HelloStep = { kind: 'hello', vm: vm.id, timeout: readyTimeout };
  if (grants.length === 0) return [hello];
  const update: UpdateStep = {
    kind: 'update',
    vm: vm.id,
    timeout: readyTimeout,
    rescan: false,
    // A source keeps the name that its image gave it.
    parts: ['network'],
    hostname: vm.name,
    machineId,
    nics: grants.map(guestNic),
    dns: dnsOf(grants),
    document: {},
    needs: ['network'],
  };
  return [hello, update];
}

/** A spec's drives as the record keeps them; `files` says which files they are. */
export function recordedDrives(spec: MachineSpec, files: readonly FoundFile[]): VmRecord['drives'] {
  return spec.drives.map((drive) => {
    const inode = files.find(({ path }) => path === drive.path_on_host)?.inode;
    return {
      id: drive.drive_id,
      path: driveLink(drive.drive_id),
      file: drive.path_on_host,
      readOnly: drive.is_read_only,
      rootDevice: drive.is_root_device,
      ...(inode && { inode }),
    };
  });
}
