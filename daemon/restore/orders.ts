import { pluginRefused } from '../api/errors/host.js';
import type { CheckedParamsOf, ResultOf } from '../api/index.js';
import type { NetworkName } from '../api/shapes/ids.js';
import type { ErrorDetail } from '../api/thaw-error.js';
import type { HostFacts } from '../effects/host.js';
import { asThawError } from '../operations/operation.js';
import type { Operations } from '../operations/operations.js';
import type { Turnstile } from '../operations/turnstile.js';
import type { Catalog } from '../snapshots/catalog.js';
import type { Fleet } from '../vmm/fleet.js';
import type { NetworkStrategy, SnapshotStore } from '../../plugins/contract.js';
import { assertPossible, type Order } from './order.js';
import type { Restorer } from './restorer.js';

type Clones = ResultOf<'snapshot.restore'>['clones'];

export interface OrdersParts {
  readonly catalog: Catalog;
  readonly store: SnapshotStore;
  readonly host: HostFacts;
  readonly fleet: Fleet;
  readonly strategies: ReadonlyMap<string, NetworkStrategy>;
  readonly operations: Operations;
  readonly restorer: Restorer;
  readonly turnstile: Turnstile;
}

export type RestoreRequest = Omit<CheckedParamsOf<'snapshot.restore'>, 'progressToken'> &
  Pick<Order, 'signal' | 'follow'>;

/** Takes requests for clones: what holds for all of them is decided once, then each is restored by itself. */
export class Orders {
  readonly #parts: OrdersParts;

  constructor(parts: OrdersParts) {
    this.#parts = parts;
  }

  /**
   * Restores the clones side by side. What no clone could get is refused as a whole; of the rest each succeeds or
   * fails by itself.
   * @throws snapshotUnknown, notFit, noPci, vmmTooOld, incompatible, vmmNotExecutable
   */
  async restore(request: RestoreRequest): Promise<Clones> {
    const { catalog, store, restorer, turnstile } = this.#parts;
    const manifest = catalog.find(request.snapshot);
    // Held before the first await: nobody deletes it under us.
    const letGo = catalog.hold(manifest.id, 'snapshot.restore');
    try {
      const order = await this.order({
        ...request,
        manifest,
        draft: false,
        path: (file) => store.path(manifest.id, file),
      });
      const names = request.names ?? Array.from({ length: request.count ?? 1 }, () => null);
      return await Promise.all(
        names.map(async (name): Promise<Clones[number]> => {
          try {
            const vm = await turnstile.through(order.signal, () => restorer.restore(order, name));
            return { ok: true, vm: vm.view() };
          } catch (thrown) {
            const { code, message, detail } = asThawError(thrown);
            return { ok: false, name: name ?? this.#nameIn(detail), error: { code, message, data: detail } };
          }
        }),
      );
    } finally {
      letGo();
    }
  }

  /** The name that was made for a clone which failed, from the operation that made it. */
  #nameIn({ operation }: ErrorDetail): string {
    return (operation !== undefined && this.#parts.operations.byId(operation)?.name) || '';
  }

  /** Decides what holds for all clones of a request. @throws notFit, noPci, vmmTooOld, incompatible */
  async order(
    request: Omit<RestoreRequest, 'snapshot' | 'names' | 'count'> &
      Pick<Order, 'manifest' | 'draft' | 'path'>,
  ): Promise<Order> {
    const { strategies, fleet, host, operations } = this.#parts;
    const name = request.strategy;
    const plugin = strategies.get(name);
    if (!plugin) throw pluginRefused({ plugin: name, why: 'no strategy of this name is loaded' });
    const nics = request.nics ?? (plugin.wantsNics ? [{ network: 'default' as NetworkName }] : []);
    const vmm = await fleet.capabilities(operations.looking(request.signal));
    const order: Order = { ...request, strategy: { name, plugin }, nics, vmm };
    assertPossible(order, host);
    return order;
  }
}
