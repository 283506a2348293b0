import type { CheckedParamsOf, ResultOf } from '../api/index.js';
import type { Manifest } from '../api/shapes/snapshot.js';
import type { ErrorDetail } from '../api/thaw-error.js';
import type { HostFacts } from '../effects/host.js';
import { asThawError } from '../operations/operation.js';
import type { Meter } from '../metrics/meter.js';
import type { Operations } from '../operations/operations.js';
import type { Turnstile } from '../operations/turnstile.js';
import type { Catalog } from '../snapshots/catalog.js';
import type { Cgroups } from '../vmm/cgroups.js';
import type { Fleet } from '../vmm/fleet.js';
import type { Registry } from '../vms/registry.js';
import type { Context, Fabric, NetworkStrategy, SnapshotStore } from '../../plugins/contract.js';
import { choose } from './choose.js';
import { assertLoadable, type Order } from './order.js';
import { outline } from './outline.js';
import type { Restorer } from './restorer.js';
import { sharedFiles } from './shared-files.js';
import type { SlotPool } from './slots.js';

type Clones = ResultOf<'snapshot.restore'>['clones'];

export interface OrdersParts {
  readonly catalog: Catalog;
  readonly store: SnapshotStore;
  readonly host: HostFacts;
  readonly fleet: Fleet;
  readonly fabric: Fabric;
  readonly registry: Registry;
  readonly strategies: ReadonlyMap<string, NetworkStrategy>;
  readonly operations: Operations;
  readonly restorer: Restorer;
  readonly slots: SlotPool;
  readonly turnstile: Turnstile;
  readonly cgroups: Cgroups;
  readonly meter?: Meter | undefined;
}

export type RestoreRequest = Omit<CheckedParamsOf<'snapshot.restore'>, 'progressToken'> &
  Pick<Order, 'signal' | 'follow' | 'container'>;

/** Takes requests for clones: what holds for all of them is decided once, then each is restored by itself. */
export class Orders {
  readonly #parts: OrdersParts;

  constructor(parts: OrdersParts) {
    this.#parts = parts;
  }

  /**
   * Restores the clones side by side. What no clone could get is refused as a whole; of the rest each succeeds or
   * fails by itself.
   * @throws snapshotUnknown, notFit, noPci, vmmTooOld, incompatible, fileMissing, fileReplaced, vmmNotExecutable,
   * tapTaken, nicUnknown
   */
  async restore(request: RestoreRequest): Promise<ResultOf<'snapshot.restore'>> {
    const { meter } = this.#parts;
    try {
      const answer = await this.#restore(request);
      for (const clone of answer.clones)
        meter?.restored({ strategy: answer.chosen, reason: clone.ok ? null : clone.error.data.reason });
      return answer;
    } catch (error) {
      meter?.restored({ strategy: request.strategy, reason: asThawError(error).reason });
      throw error;
    }
  }

  async #restore(request: RestoreRequest): Promise<ResultOf<'snapshot.restore'>> {
    const { catalog, store, restorer, turnstile } = this.#parts;
    const manifest = catalog.find(request.snapshot);
    // Held before the first await: nobody deletes it under us.
    const letGo = catalog.hold(manifest.id, 'snapshot.restore');
    try {
      const names = request.names ?? Array.from({ length: request.count ?? 1 }, () => null);
      const order = await this.order({
        ...request,
        manifest,
        draft: false,
        path: (file) => store.path(manifest.id, file),
        clones: names.length,
      });
      const clones = await Promise.all(
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
      return { chosen: order.strategy.name, passedOver: [...order.passedOver], clones };
    } finally {
      letGo();
    }
  }

  /** The id of a snapshot. @throws snapshotUnknown */
  idOf(snapshot: string): string {
    return this.#parts.catalog.find(snapshot).id;
  }

  /** The name that was made for a clone which failed, from the operation that made it. */
  #nameIn({ operation }: ErrorDetail): string {
    return (operation !== undefined && this.#parts.operations.byId(operation)?.name) || '';
  }

  /** How clones would get their network. Makes and reserves nothing. @throws as {@link Orders.restore} does */
  async plan(
    request: Omit<CheckedParamsOf<'network.plan'>, 'count'> & { clones: number; signal: AbortSignal },
  ): Promise<ResultOf<'network.plan'>> {
    const { catalog, fabric, store, slots } = this.#parts;
    const manifest = catalog.find(request.snapshot);
    const order = await this.order({
      ...request,
      manifest,
      draft: false,
      path: (file) => store.path(manifest.id, file),
      readyTimeout: 1,
      ping: false,
      keepOnFailure: false,
      labels: {},
    });
    // What only a slot holds is to be had: it would serve the clone, or make way.
    const { chosen, nics, steps } = fabric.aside(slots.grants, () => outline(order, fabric));
    return { chosen, passedOver: [...order.passedOver], nics, steps };
  }

  /** Decides what holds for all clones of a request. @throws notFit, noPci, vmmTooOld, incompatible, fileMissing, fileReplaced, tapTaken, nicUnknown */
  async order(
    request: Pick<RestoreRequest, 'strategy' | 'nics' | 'keepMac' | 'limits'> &
      Omit<Order, 'strategy' | 'places' | 'passedOver' | 'vmm' | 'files' | 'confinement'> & {
        readonly clones: number;
      },
  ): Promise<Order> {
    const { strategies, fleet, host, operations } = this.#parts;
    const { manifest, strategy, nics = null, keepMac, clones } = request;
    const cx = operations.looking(request.signal);
    const vmm = await fleet.capabilities(cx);
    assertLoadable(manifest, host, vmm);
    const files = await sharedFiles(manifest, cx);
    const question = { manifest, vmmVersion: vmm.version, wishes: nics, clones, keepMac };
    const confinement = await this.#parts.cgroups.confinement(request.limits, cx);
    const tapUsers = await this.#tapUsers(manifest, cx);
    return {
      ...request,
      vmm,
      files,
      confinement,
      ...choose(strategy, strategies, { ...question, tapUsers }),
    };
  }

  /** Who has the taps that a snapshot has inside. */
  async #tapUsers(manifest: Manifest, cx: Context): Promise<ReadonlyMap<string, string>> {
    const { fabric, registry } = this.#parts;
    const users = new Map<string, string>();
    for (const { tap } of manifest.nics) {
      const user = await fabric.tapUser(tap, cx);
      if (user !== null) users.set(tap, registry.byId(user)?.name ?? user);
    }
    return users;
  }
}
