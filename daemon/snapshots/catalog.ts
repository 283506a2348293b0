import { snapshotInUse, snapshotUnknown } from '../api/errors/snapshot.js';
import { nameTaken } from '../api/errors/vm.js';
import { withNearest } from '../api/nearest.js';
import type { Manifest } from '../api/shapes/snapshot.js';
import type { Context, SnapshotStore } from '../../plugins/contract.js';

/** The snapshots of the store, by id and by name, and who needs each right now. */
export class Catalog {
  readonly #byId = new Map<string, Manifest>();
  readonly #idByName = new Map<string, string>();
  readonly #holders = new Map<string, Set<string>>();

  static async open(store: SnapshotStore, cx: Context): Promise<Catalog> {
    const catalog = new Catalog();
    for (const manifest of await store.list(cx)) catalog.add(manifest);
    return catalog;
  }

  all(): readonly Manifest[] {
    return [...this.#byId.values()].sort((a, b) => a.createdAt - b.createdAt);
  }

  /** @throws snapshotUnknown */
  find(ref: string): Manifest {
    const manifest = this.#byId.get(this.#idByName.get(ref) ?? ref);
    if (manifest === undefined)
      throw withNearest(snapshotUnknown({ snapshot: ref }), ref, this.#idByName.keys());
    return manifest;
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  /** Takes a name for a snapshot that is about to be. @throws nameTaken */
  takeName(name: string, id: string): void {
    const by = this.#idByName.get(name);
    if (by !== undefined) throw nameTaken({ name, by });
    this.#idByName.set(name, id);
  }

  freeName(name: string, id: string): void {
    if (this.#idByName.get(name) === id) this.#idByName.delete(name);
  }

  add(manifest: Manifest): void {
    this.#byId.set(manifest.id, manifest);
    if (manifest.name !== null) this.#idByName.set(manifest.name, manifest.id);
  }

  /** Forgets a snapshot, at once: whoever asks from now on does not find it. */
  remove(manifest: Manifest): void {
    this.#byId.delete(manifest.id);
    if (manifest.name !== null) this.freeName(manifest.name, manifest.id);
  }

  /** Keeps a snapshot from being deleted while `by` needs it; returns how to let go. */
  hold(id: string, by: string): () => void {
    const holders = this.#holders.get(id) ?? new Set();
    this.#holders.set(id, holders.add(by));
    return () => {
      holders.delete(by);
      if (holders.size === 0 && this.#holders.get(id) === holders) this.#holders.delete(id);
    };
  }

  /** @param clones names of the VMs that live from it @throws snapshotInUse */
  assertFree(manifest: Manifest, clones: readonly string[]): void {
    const by = [...clones, ...(this.#holders.get(manifest.id) ?? [])];
    if (by.length > 0) throw snapshotInUse({ snapshot: manifest.name ?? manifest.id, by });
  }
}
