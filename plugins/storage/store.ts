import { join } from 'node:path';
import type { SnapshotId, VmId } from '../../daemon/api/shapes/ids.js';
import type { FileFact, Manifest } from '../../daemon/api/shapes/snapshot.js';
import type { Alive, Context, DiskCopy, Draft, SnapshotStore } from '../contract.js';
import { copyDisk } from './effects/copy.js';
import {
  listFolder,
  makeDraft,
  measure,
  moveFolder,
  readText,
  removeTree,
  writeWhole,
} from './effects/files.js';
import { isSnapshotId, isVmId, type Layout, manifestFile } from './layout.js';
import { readManifest, writeManifest } from './manifest.js';
import { sealFiles } from './seal.js';
import { Verifier } from './verifier.js';

type Warn = (message: string, data: Readonly<Record<string, unknown>>) => void;

/** Snapshots and disks in the folders of a {@link Layout}. */
export class LocalStore implements SnapshotStore {
  readonly dir: string;
  readonly #layout: Layout;
  readonly #warn: Warn;
  readonly #verifier: Verifier;
  /** Drafts of this daemon: a sweep leaves them alone. */
  readonly #open = new Set<string>();
  /** What was said of unusable folders, so that it is said once. */
  readonly #said = new Map<string, string>();

  constructor(layout: Layout, warn: Warn) {
    this.dir = layout.dir;
    this.#layout = layout;
    this.#warn = warn;
    this.#verifier = new Verifier(layout);
  }

  /** The snapshots that this daemon can read; a folder that it can't is reported once and left as it is. */
  async list(cx: Context): Promise<readonly Manifest[]> {
    const manifests: Manifest[] = [];
    for (const id of await listFolder(this.#layout.snapshots, cx)) {
      const folder = join(this.#layout.snapshots, id);
      const reading = readManifest(id, await readText(join(folder, manifestFile), cx));
      if (reading.ok) manifests.push(reading.manifest);
      else this.#report(folder, reading.why);
    }
    return manifests;
  }

  async begin(id: SnapshotId, cx: Context): Promise<Draft> {
    const dir = this.#layout.draft(id);
    this.#open.add(id);
    try {
      await makeDraft({ dir, inner: 'disks' }, cx);
    } catch (error) {
      this.#open.delete(id);
      throw error;
    }
    return { id, dir };
  }

  draftDir(id: SnapshotId): string {
    return this.#layout.draft(id);
  }

  /** @throws snapshotDamaged where a file is missing, is no file, or changes meanwhile; diskFull */
  seal(draft: Draft, cx: Context): Promise<readonly FileFact[]> {
    return sealFiles(draft, cx);
  }

  /** @throws diskFull; systemCallFailed where a snapshot of this id exists already */
  async publish(draft: Draft, manifest: Manifest, cx: Context): Promise<void> {
    await writeWhole({ path: join(draft.dir, manifestFile), text: writeManifest(manifest) }, cx);
    await moveFolder({ from: draft.dir, to: this.#layout.snapshot(draft.id) }, cx);
    this.#open.delete(draft.id);
  }

  /** Removes a draft that was not published; harmless where there is none. */
  async discard(id: SnapshotId, cx: Context): Promise<void> {
    await removeTree(this.#layout.draft(id), cx);
    this.#open.delete(id);
  }

  /** From one instant to the next it does not exist; its space is free when this returns. Harmless where there is none. */
  async delete(id: SnapshotId, cx: Context): Promise<void> {
    const trashed = this.#layout.trashed(id);
    await removeTree(trashed, cx);
    if (!(await measure(this.#layout.snapshot(id), cx))) return;
    await moveFolder({ from: this.#layout.snapshot(id), to: trashed }, cx);
    this.#verifier.forget(id);
    await removeTree(trashed, cx);
  }

  path(id: SnapshotId, file: string): string {
    return join(this.#layout.snapshot(id), file);
  }

  verify(manifest: Manifest, thorough: boolean, cx: Context): Promise<void> {
    return this.#verifier.verify(manifest, thorough, cx);
  }

  diskDir(vm: VmId): string {
    return this.#layout.disksOf(vm);
  }

  async copyDisk(disk: DiskCopy, cx: Context): Promise<void> {
    await copyDisk(disk, cx);
  }

  async removeDisks(vm: VmId, cx: Context): Promise<void> {
    await removeTree(this.#layout.disksOf(vm), cx);
  }

  /** @param alive ids of VMs whose disks stay, and of snapshots whose drafts stay beside those begun here */
  async sweep(alive: Alive, cx: Context): Promise<readonly string[]> {
    const strays = await this.strays(alive, cx);
    for (const path of strays) await removeTree(path, cx);
    return strays;
  }

  async strays(alive: Alive, cx: Context): Promise<readonly string[]> {
    const { drafts, trash, disks } = this.#layout;
    const whose = (mine: (name: string) => boolean, kept: (name: string) => boolean) => ({ mine, kept });
    const rules = [
      [drafts, whose(isSnapshotId, (name) => alive.has(name) || this.#open.has(name))],
      [trash, whose(isSnapshotId, () => false)],
      [disks, whose(isVmId, (name) => alive.has(name))],
    ] as const;
    const strays: string[] = [];
    for (const [folder, { mine, kept }] of rules) {
      for (const name of await listFolder(folder, cx)) {
        const path = join(folder, name);
        if (!mine(name)) this.#report(path, 'thaw did not make it');
        else if (!kept(name)) strays.push(path);
      }
    }
    return strays;
  }

  close(): Promise<void> {
    this.#verifier.close();
    return Promise.resolve();
  }

  #report(path: string, why: string): void {
    if (this.#said.get(path) === why) return;
    this.#said.set(path, why);
    this.#warn('a folder of the store was passed over', { path, why });
  }
}
