import {
  containerGone,
  containerNotReady,
  containerNotYours,
  containerWithoutClone,
  namespaceTaken,
  takeoverRefused,
} from '../api/errors/container.js';
import type { ResultOf } from '../api/index.js';
import type { ContainerState } from '../api/hook.js';
import { ThawError } from '../api/thaw-error.js';
import { containerInit, namespaceStrangers, type ContainerInit } from '../effects/container.js';
import { processAlive, processGone } from '../effects/process.js';
import type { Log } from '../log/logger.js';
import type { Operations } from '../operations/operations.js';
import type { Records } from '../records/records.js';
import type { Bond } from '../records/vm-record.js';
import type { Order } from '../restore/order.js';
import type { Orders } from '../restore/orders.js';
import type { Lifecycle } from '../vms/lifecycle.js';
import type { Registry } from '../vms/registry.js';
import type { Vm } from '../vms/vm.js';
import type { ContainerJoin, Context, Fabric } from '../../plugins/contract.js';
import { readAnnotations, type ContainerWish } from './annotations.js';
import { Flights } from './flights.js';
import { Guard, type Holder } from './guard.js';
import { KeyedTurns } from './keyed-turns.js';

export interface ContainersParts {
  readonly orders: Orders;
  readonly registry: Registry;
  readonly lifecycle: Lifecycle;
  readonly operations: Operations;
  readonly records: Records;
  readonly fabric: Fabric;
  readonly log: Log;
}

type Answer = ResultOf<'hook.invoke'>;

/** How long it may take, who listens, and whether the caller is still there. */
export interface Patience extends Pick<Order, 'follow'> {
  /** Who asks. */
  readonly uid: number;
  readonly signal: AbortSignal;
  readonly timeout?: number | undefined;
}

/** A container that asks, all of it known. */
interface Asking {
  readonly id: string;
  readonly wish: ContainerWish;
  readonly init: ContainerInit;
  readonly patience: Patience;
}

type Bound = Vm & { readonly record: { readonly container: Bond } };
const isBound = (vm: Vm): vm is Bound => vm.record.container !== null;
const isHeldBy = (id: string) => (vm: Bound) => vm.record.container.holders.some((one) => one.id === id);
const is =
  ({ pid, startTime }: Holder | ContainerInit) =>
  (one: Holder) =>
    one.pid === pid && one.startTime === startTime;
/** What is kept of a clone whose container has ended. */
const never = new AbortController().signal;

/**
 * Clones of containers: each is bound to the first process of its container (number and start time) and to its network
 * namespace. Its record is all there is of that, so the next daemon goes on where this one ended.
 */
export class Containers {
  readonly #parts: ContainersParts;
  readonly #guard: Guard;
  readonly #flights = new Flights();
  /** By namespace, or by container where that is the host's. */
  readonly #turns = new KeyedTurns();

  private constructor(parts: ContainersParts) {
    this.#parts = parts;
    this.#guard = new Guard(parts);
  }

  /** Takes up what another daemon has left: containers may have ended meanwhile. */
  static open(parts: ContainersParts): Containers {
    const containers = new Containers(parts);
    for (const vm of parts.registry.all()) containers.#watch(vm);
    return containers;
  }

  async close(): Promise<void> {
    await this.#guard.close();
  }

  /**
   * Gives a container its clone, ready; the one that it or its namespace has already is as good.
   * @throws annotationInvalid, containerGone, containerNotYours, namespaceTaken, takeoverRefused, and what a restore throws
   */
  async create(state: ContainerState, patience: Patience): Promise<Answer> {
    const { wish, warnings } = readAnnotations(state);
    if (!wish) return { outcome: 'nothing', vm: null, warnings: [...warnings] };
    const { id, pid = 0 } = state;
    return await this.#flights.run(id, patience.signal, async (abort) => {
      const cx = this.#parts.operations.looking(abort.signal);
      const init = await containerInit(pid, cx);
      if (!init) throw containerGone({ container: id, pid });
      const { uid } = patience;
      if (uid !== 0 && uid !== init.uid) throw containerNotYours({ container: id, pid, uid });
      const over = new AbortController();
      // A container that ends meanwhile needs no clone any more.
      const ended = processGone(init, this.#parts.operations.looking(over.signal)).then(
        () => abort.abort(containerGone({ container: id, pid })),
        () => undefined,
      );
      try {
        const asking = { id, wish, init, patience: { ...patience, signal: abort.signal } };
        const turn = this.#turns.take(keyOf(init, id), abort.signal, () => this.#give(asking, cx));
        const { vm, outcome } = await turn;
        return { outcome, vm: vm.view(), warnings: [...warnings] };
      } finally {
        over.abort();
        await ended;
      }
    });
  }

  /** @throws containerWithoutClone, containerNotReady */
  check(state: ContainerState): Answer {
    const { wish, warnings } = readAnnotations(state);
    if (!wish) return { outcome: 'nothing', vm: null, warnings: [...warnings] };
    const vm = this.#of(state.id);
    if (!vm) throw containerWithoutClone({ container: state.id });
    assertReady(vm, state.id);
    return { outcome: 'ready', vm: vm.view(), warnings: [...warnings] };
  }

  /** Releases what a container has, and stops what is being made for it. Never having heard of it is as good. */
  async release({ id }: Pick<ContainerState, 'id'>): Promise<Answer> {
    await this.#flights.stop(id);
    const held = this.#bound().filter(isHeldBy(id));
    for (const vm of held) await this.#letGo(vm, (holder) => holder.id === id);
    return { outcome: held.length > 0 ? 'released' : 'nothing', vm: null, warnings: [] };
  }

  #bound(): readonly Bound[] {
    return this.#parts.registry.all().filter(isBound);
  }

  #of(id: string): Bound | undefined {
    return this.#bound().find(isHeldBy(id));
  }

  async #give(asking: Asking, cx: Context): Promise<{ vm: Vm; outcome: Answer['outcome'] }> {
    const { id, init } = asking;
    const own = this.#of(id);
    if (own?.record.container.holders.some(is(init))) {
      assertReady(own, id);
      return { vm: own, outcome: 'found' };
    }
    // Started again under its name, and nobody said that it had ended.
    if (own) await this.#free(own, (holder) => holder.id === id);
    const other = init.host
      ? undefined
      : this.#bound().find((vm) => vm.record.container.netns === init.netns);
    if (other && (await this.#isWanted(other, cx))) {
      await this.#share(other, asking);
      return { vm: other, outcome: 'shared' };
    }
    if (other) await this.#parts.lifecycle.stop(other);
    return { vm: await this.#restore(asking, cx), outcome: 'restored' };
  }

  /** Whether one of its containers lives; numbers of namespaces are given again. */
  async #isWanted(vm: Bound, cx: Context): Promise<boolean> {
    for (const holder of vm.record.container.holders) if (await processAlive(holder, cx)) return true;
    return false;
  }

  async #share(vm: Bound, { id, wish, init, patience }: Asking): Promise<void> {
    const refuse = (why: string) => namespaceTaken({ container: id, vm: vm.name, why });
    const { container, snapshot } = vm.record;
    if (container.how === 'takeover' || wish.how === 'takeover')
      throw refuse('an interface can be taken over for one container only');
    const { orders } = this.#parts;
    if (orders.idOf(wish.snapshot) !== snapshot) throw refuse(`it is not of the snapshot ${wish.snapshot}`);
    assertReady(vm, id);
    const { pid, startTime } = init;
    await this.#hold(vm, [...container.holders, { id, pid, startTime }], patience.signal);
    this.#watch(vm);
  }

  async #restore({ id, wish, init, patience }: Asking, cx: Context): Promise<Vm> {
    const { orders, registry } = this.#parts;
    const { pid, startTime, netns, host } = init;
    const bond: Bond = {
      holders: [{ id, pid, startTime }],
      netns: host ? null : netns,
      ...{ how: wish.how, grace: wish.grace },
    };
    const { clones } = await orders.restore({
      ...{ snapshot: wish.snapshot, strategy: wish.strategy, count: 1 },
      ...(wish.network !== undefined && { nics: [{ network: wish.network }] }),
      ...{ keepMac: false, ping: false, keepOnFailure: false, labels: {} },
      readyTimeout: Math.min(wish.readyTimeout, patience.timeout ?? Infinity),
      ...{ signal: patience.signal, follow: patience.follow },
      container: { join: await this.#join(init, wish.how, cx), bond },
    });
    const [clone] = clones;
    if (clone?.ok !== true) {
      if (clone) throw new ThawError({ ...clone.error, detail: clone.error.data });
      throw containerWithoutClone({ container: id });
    }
    const vm = registry.find(clone.vm.id);
    this.#watch(vm);
    return vm;
  }

  async #join(init: ContainerInit, how: Bond['how'], cx: Context): Promise<ContainerJoin | null> {
    const { pid, netns, host } = init;
    const space = { pid, netns };
    // The host reaches every clone.
    if (how === 'beside') return host ? null : { how, space };
    if (host) throw takeoverRefused({ why: 'it lives in the network namespace of the host' });
    const strangers = await namespaceStrangers(init, cx);
    if (strangers.length > 0)
      throw takeoverRefused({
        why: `others live in its network namespace: processes ${strangers.join(', ')}`,
      });
    return { how, space, link: await this.#parts.fabric.containerLink(space, cx) };
  }

  async #letGo(vm: Bound, leaves: (holder: Holder) => boolean): Promise<void> {
    const { netns, holders } = vm.record.container;
    const key = netns ?? holders[0]?.id ?? vm.id;
    await this.#turns.take(key, never, () => this.#free(vm, leaves));
  }

  /** Takes containers off a clone, which goes with the last. */
  async #free(vm: Bound, leaves: (holder: Holder) => boolean): Promise<void> {
    const { lifecycle, registry } = this.#parts;
    if (registry.byId(vm.id) !== vm) return;
    const left = vm.record.container.holders.filter((holder) => !leaves(holder));
    if (left.length === 0) await lifecycle.stop(vm);
    else if (left.length < vm.record.container.holders.length) await this.#hold(vm, left, never);
  }

  async #hold(vm: Bound, holders: readonly Holder[], signal: AbortSignal): Promise<void> {
    const { operations, records } = this.#parts;
    await vm.operation?.settled;
    const operation = operations.begin({ method: 'hook.invoke', vm: vm.id, name: vm.name, signal });
    try {
      vm.claim(operation);
      await vm.write({ container: { ...vm.record.container, holders } }, records, operation.cx);
    } catch (thrown) {
      throw operation.refuse(thrown);
    }
    operation.end('committed');
  }

  #watch(vm: Vm): void {
    if (!isBound(vm)) return;
    const { holders, grace } = vm.record.container;
    for (const holder of holders) this.#guard.watch(holder, grace, () => this.#letGo(vm, is(holder)));
  }
}

const keyOf = ({ host, netns }: ContainerInit, id: string): string => (host ? id : netns);

function assertReady(vm: Vm, container: string): void {
  const { word } = vm.view();
  const well = word === 'ready' || (word === 'running' && vm.record.agent === null);
  if (!well) throw containerNotReady({ container, vm: vm.name, word });
}
