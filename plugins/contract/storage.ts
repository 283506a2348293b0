import type { FileFact, Manifest } from '../../daemon/api/shapes/snapshot.js';
import type { Inode } from '../../daemon/api/shapes/file.js';
import type { SnapshotId, VmId } from '../../daemon/api/shapes/ids.js';
import type { Alive } from './network.js';
import type { Context } from './context.js';

/** A snapshot being written: a folder that nobody sees until it is published. */
export interface Draft {
  readonly id: SnapshotId;
  /** Absolute; Firecracker writes `state` and `mem` into it, copies of disks go to `disks/`. */
  readonly dir: string;
}

/** A disk to be copied. */
export interface DiskCopy {
  readonly from: string;
  /** Must not exist; its folder is made where it is missing. */
  readonly to: string;
  /** Which file `from` must be: a VM goes on with the one that it has open, whatever stands at its path. */
  readonly inode?: Inode | undefined;
}

/** Where snapshots and disks lie. */
export interface SnapshotStore {
  /** The store's folder, absolute. */
  readonly dir: string;
  list(cx: Context): Promise<readonly Manifest[]>;
  /** Makes the folder of a draft, 0700. @throws diskFull */
  begin(id: SnapshotId, cx: Context): Promise<Draft>;
  /** The folder of a draft, absolute, whether it was begun or not. */
  draftDir(id: SnapshotId): string;
  /** Measures and hashes the draft's files, makes them read-only and synced. */
  seal(draft: Draft, cx: Context): Promise<readonly FileFact[]>;
  /** Writes the manifest and renames the draft into place: from then on it exists. */
  publish(draft: Draft, manifest: Manifest, cx: Context): Promise<void>;
  /** Removes a draft, whatever became of it. */
  discard(id: SnapshotId, cx: Context): Promise<void>;
  delete(id: SnapshotId, cx: Context): Promise<void>;
  /** Absolute path of one of its files: `state`, `mem`, `disks/<file>`. */
  path(id: SnapshotId, file: string): string;
  /**
   * Sizes always; hashes where a file is not the very one that was hashed last (inode, times, size), or `thorough`.
   * @throws snapshotDamaged
   */
  verify(manifest: Manifest, thorough: boolean, cx: Context): Promise<void>;
  /** Folder for the disks of a VM, on the store's file system. */
  diskDir(vm: VmId): string;
  /** Copies a disk: a reflink where the file system can, sparse elsewhere. @throws diskFull, fileMissing, fileReplaced */
  copyDisk(disk: DiskCopy, cx: Context): Promise<void>;
  /** Removes a VM's disks. */
  removeDisks(vm: VmId, cx: Context): Promise<void>;
  /** Removes drafts and disks of nobody; returns what it removed. */
  sweep(alive: Alive, cx: Context): Promise<readonly string[]>;
  /** What {@link SnapshotStore.sweep} would remove. Changes nothing. */
  strays(alive: Alive, cx: Context): Promise<readonly string[]>;
  close(): Promise<void>;
}
