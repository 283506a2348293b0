import { join } from 'node:path';
import { SnapshotId, VmId } from '../../daemon/api/shapes/ids.js';

/** Where things lie beneath the store's folder. All of it is on one file system, so that renames and reflinks work. */
export class Layout {
  /** @param dir the store's folder, absolute */
  constructor(readonly dir: string) {}

  get folders(): readonly string[] {
    return [this.snapshots, this.drafts, this.trash, this.disks];
  }

  /** What exists. */
  get snapshots(): string {
    return join(this.dir, 'snapshots');
  }

  /** What is being written, or was when a daemon died. */
  get drafts(): string {
    return join(this.dir, 'drafts');
  }

  /** What no longer exists and is being removed. */
  get trash(): string {
    return join(this.dir, 'trash');
  }

  /** The disks of VMs, a folder each. */
  get disks(): string {
    return join(this.dir, 'vms');
  }

  snapshot(id: SnapshotId): string {
    return join(this.snapshots, id);
  }

  draft(id: SnapshotId): string {
    return join(this.drafts, id);
  }

  trashed(id: SnapshotId): string {
    return join(this.trash, id);
  }

  disksOf(vm: VmId): string {
    return join(this.disks, vm);
  }
}

/** The files that a snapshot may have, by the names that its manifest gives them. */
export const snapshotFile = /^(?:state|mem|disks\/[A-Za-z0-9_][A-Za-z0-9._-]{0,127})$/;

export const manifestFile = 'manifest.json';
export const stampsFile = 'stamps.json';

export function isSnapshotId(name: string): name is SnapshotId {
  return SnapshotId.safeParse(name).success;
}

export function isVmId(name: string): name is VmId {
  return VmId.safeParse(name).success;
}
