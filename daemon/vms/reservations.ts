import { snapshotIdTaken } from '../api/errors/snapshot.js';
import type { SnapshotId } from '../api/shapes/ids.js';
import type { Registry } from './registry.js';

/** Ids of snapshots that sources were booted for: each is one VM's until its snapshot has it, and nobody else's ever. */
export class Reservations {
  /** By id, of VMs whose records do not say it yet. */
  readonly #booting = new Map<SnapshotId, string>();
  readonly #registry: Registry;
  readonly #exists: (id: SnapshotId) => boolean;

  /** @param exists whether there is a snapshot of an id */
  constructor(registry: Registry, exists: (id: SnapshotId) => boolean) {
    this.#registry = registry;
    this.#exists = exists;
  }

  /**
   * Takes an id for a VM that is about to be; returns how to let go once its record says so, or it came to nothing.
   * @throws snapshotIdTaken
   */
  take(id: SnapshotId, vm: string): () => void {
    const by = this.#holder(id);
    if (by !== undefined) throw snapshotIdTaken({ snapshot: id, by });
    this.#booting.set(id, vm);
    return () => void this.#booting.delete(id);
  }

  #holder(id: SnapshotId): string | undefined {
    const source = this.#registry.all().find(({ record }) => record.reservedSnapshot === id);
    return (
      source?.name ?? this.#booting.get(id) ?? (this.#exists(id) ? 'a snapshot that is there' : undefined)
    );
  }
}
