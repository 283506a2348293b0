import type { EventHub } from '../events/hub.js';
import type { Log } from '../log/logger.js';
import type { Operations } from '../operations/operations.js';
import type { Records } from '../records/records.js';
import { isExpired, jumpBetween, type Reading } from './expiry.js';
import type { Lifecycle } from './lifecycle.js';
import type { Registry } from './registry.js';
import type { Vm } from './vm.js';

export interface LifetimesParts {
  readonly registry: Registry;
  readonly records: Records;
  readonly lifecycle: Lifecycle;
  readonly operations: Operations;
  readonly events: EventHub;
  readonly log: Log;
}

/**
 * Ends VMs whose time is over. When that is stands in their records by the host's clock, so that it holds across daemons.
 * While a daemon lives, a clock that is set, by NTP after a boot for instance, neither ends VMs nor lets them live for
 * ever: a lifetime is a length of time, and their records move with the clock.
 */
export class Lifetimes {
  readonly #parts: LifetimesParts;
  /** Milliseconds by which the clock was set and a VM's record does not know yet. */
  readonly #owed = new Map<Vm, number>();
  readonly #ending = new Map<Vm, Promise<void>>();
  #last: Reading = read();

  constructor(parts: LifetimesParts) {
    this.#parts = parts;
  }

  /** When something expires that may live so many milliseconds from now on; null for never. */
  expiry(ttl: number | null | undefined): number | null {
    return ttl === undefined || ttl === null ? null : this.#now() + ttl;
  }

  /** Says anew how long a VM may live, from now on. @throws vmBusy */
  async extend(vm: Vm, { ttl, signal }: { ttl: number | null; signal: AbortSignal }): Promise<void> {
    const { operations, records, events } = this.#parts;
    const operation = operations.begin({ method: 'vm.extend', vm: vm.id, name: vm.name, signal });
    try {
      vm.claim(operation);
      const expiresAt = this.expiry(ttl);
      await vm.write({ expiresAt }, records, operation.cx);
      this.#owed.delete(vm);
    } catch (thrown) {
      throw operation.refuse(thrown);
    }
    operation.end('committed');
    const detail = { name: vm.name, state: vm.view().word, expiresAt: vm.record.expiresAt };
    events.emit({ type: 'vm.changed', vm: vm.id, operation: operation.id, detail });
  }

  /** One look: begins to end what has expired, and does not wait for it. */
  async look(signal: AbortSignal): Promise<void> {
    const now = this.#now();
    const { registry } = this.#parts;
    for (const vm of registry.visible()) {
      if (!this.#ending.has(vm) && isExpired(vm.record, now - (this.#owed.get(vm) ?? 0))) this.#end(vm);
    }
    for (const [vm, owed] of this.#owed) await this.#settle(vm, owed, signal);
  }

  /** Waits for what is being ended. */
  async close(): Promise<void> {
    await Promise.all(this.#ending.values());
  }

  #end(vm: Vm): void {
    const { lifecycle, events, log } = this.#parts;
    events.emit({ type: 'vm.expired', vm: vm.id, detail: { name: vm.name, expiresAt: vm.record.expiresAt } });
    const ending = lifecycle
      .stop(vm, 'vm.expire')
      // What resists is marked as going: reconcile tries again.
      .catch((err: unknown) => log.error({ vm: vm.id, err }, 'an expired VM could not be ended'))
      .finally(() => this.#ending.delete(vm));
    this.#ending.set(vm, ending);
  }

  /** Writes down for one VM that the clock was set. */
  async #settle(vm: Vm, owed: number, signal: AbortSignal): Promise<void> {
    const { registry, records, operations } = this.#parts;
    const { expiresAt } = vm.record;
    if (registry.byId(vm.id) === vm && expiresAt !== null) {
      await vm.write({ expiresAt: expiresAt + owed }, records, operations.looking(signal));
    }
    const more = (this.#owed.get(vm) ?? owed) - owed;
    if (more === 0) this.#owed.delete(vm);
    else this.#owed.set(vm, more);
  }

  /** The host's clock; where it was set since it was last read, all that is under way is moved with it. */
  #now(): number {
    const now = read();
    const jump = jumpBetween(this.#last, now);
    this.#last = now;
    if (jump !== 0) {
      this.#parts.log.warn({ milliseconds: jump }, 'the host’s clock was set: lifetimes move with it');
      for (const vm of this.#parts.registry.all()) {
        if (vm.record.expiresAt !== null) this.#owed.set(vm, (this.#owed.get(vm) ?? 0) + jump);
      }
    }
    return now.wall;
  }
}

const read = (): Reading => ({ wall: Date.now(), steady: performance.now() });
