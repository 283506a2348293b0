import type { EventHub } from '../events/hub.js';
import type { Operations } from '../operations/operations.js';
import type { Moments } from '../plugins/moments.js';
import type { Registry } from '../vms/registry.js';
import type { SnapshotStore } from '../../plugins/contract.js';
import type { Catalog } from './catalog.js';
import { clonesOf, factsOf } from './view.js';

export interface DeleterParts {
  readonly catalog: Catalog;
  readonly store: SnapshotStore;
  readonly registry: Registry;
  readonly operations: Operations;
  readonly events: EventHub;
  readonly moments: Moments;
}

/** Deletes snapshots that nobody needs any more. */
export class Deleter {
  readonly #parts: DeleterParts;

  constructor(parts: DeleterParts) {
    this.#parts = parts;
  }

  /** @returns its id @throws snapshotUnknown, snapshotInUse */
  async delete(ref: string, signal: AbortSignal): Promise<string> {
    const { catalog, store, registry, operations, events, moments } = this.#parts;
    const manifest = catalog.find(ref);
    catalog.assertFree(manifest, clonesOf(manifest, registry));
    // Gone for everybody else before the first file goes; back where the store says that nothing went.
    catalog.remove(manifest);
    const operation = operations.begin({
      ...{ method: 'snapshot.delete', vm: null, name: manifest.name, signal },
      snapshot: manifest.id,
    });
    try {
      await operation.during('delete', 'step', () => store.delete(manifest.id, operation.cx));
    } catch (thrown) {
      // Once its folder is moved away it is gone, whatever came then: the rest is swept.
      const there = await store.list(operation.aside(new AbortController().signal)).catch(() => [manifest]);
      if (there.some(({ id }) => id === manifest.id)) catalog.add(manifest);
      throw operation.refuse(thrown);
    }
    operation.end('committed');
    events.emit({ type: 'snapshot.deleted', snapshot: manifest.id, operation: operation.id });
    const facts = () => ({ operation: operation.id, snapshot: factsOf(manifest), detail: {} });
    await moments.tell('snapshot.deleted', { of: manifest.id, facts });
    return manifest.id;
  }
}
