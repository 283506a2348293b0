import type { Fabric, Grant, NetworkStrategy, Place } from '../../plugins/contract.js';
import type { Log } from '../log/logger.js';
import type { Meter } from '../metrics/meter.js';
import type { Vm } from '../vms/vm.js';
import type { SnapshotId } from '../api/shapes/ids.js';
import type { Strategy } from '../api/snapshot.js';

/** A VM with its taps, leases and rules, made before anybody asks. */
export interface Slot {
  readonly vm: Vm;
  readonly grants: readonly Grant[];
  /** Resolves when its VMM has ended. */
  readonly ended: Promise<unknown>;
}

/** What slots are made for: clones by one strategy, where it takes one, of one snapshot. */
export interface SlotRecipe {
  readonly strategy: { readonly name: Strategy; readonly plugin: NetworkStrategy };
  /** Null where clones of any snapshot can have them. */
  readonly snapshot: SnapshotId | null;
}

/** What a clone needs to find in a slot. */
export interface SlotWish {
  readonly strategy: Strategy;
  readonly snapshot: SnapshotId;
  readonly places: readonly Place[];
}

/** Who hears of slots while they are made. */
export interface SlotMaking {
  /** What one is going to hold. */
  granted(grants: readonly Grant[]): void;
  made(slot: Slot): void;
}

/** A NIC that a slot may stand in the way of. */
export type Wanted = Pick<Place, 'network' | 'address'>;

/** Milliseconds before a slot that was lost is replaced. */
const pause = 500;
/** Slots made at once: their taps and rules in one go, their VMMs side by side. */
const together = 8;

const addressesOf = ({ addresses }: Grant): readonly string[] =>
  addresses.map((one) => one.split('/')[0] ?? one);

/** Whether a grant is what is asked for, as far as something is. Pure. */
function fits(grant: Grant, { nic, network, address, mac, ports, tap }: Place): boolean {
  return (
    grant.nic === nic &&
    grant.network === network &&
    (address === undefined || addressesOf(grant).includes(address)) &&
    (mac === undefined || grant.mac === mac) &&
    (tap === undefined || grant.tap === tap) &&
    (ports ?? []).length === 0
  );
}

/**
 * Slots made ready in the background. A restore takes one at once or does without; a burst beyond the size makes what
 * it needs itself.
 */
export class SlotPool {
  readonly #ready: Slot[] = [];
  readonly #size: number;
  readonly #recipe: () => SlotRecipe;
  readonly #make: (count: number, making: SlotMaking) => Promise<void>;
  readonly #alive: (vm: Vm) => boolean;
  readonly #end: (vm: Vm) => Promise<void>;
  readonly #log: Log;
  readonly #meter: Meter | undefined;
  #of: SlotRecipe | null = null;
  /** What those hold that are being made. */
  #making: (readonly Grant[])[] = [];
  #filling: Promise<void> | null = null;
  #later: NodeJS.Timeout | null = null;
  #closed = false;

  /**
   * @param parts.recipe what they are made for right now, or throws @param parts.make makes some, telling of each, and
   * throws where one could not be made @param parts.alive whether a slot that waited is still good
   */
  constructor(parts: {
    size: number;
    recipe: () => SlotRecipe;
    make: (count: number, making: SlotMaking) => Promise<void>;
    alive: (vm: Vm) => boolean;
    /** Frees a slot that nobody will take any more. */
    end: (vm: Vm) => Promise<void>;
    log: Log;
    meter?: Meter | undefined;
  }) {
    this.#size = parts.size;
    this.#recipe = parts.recipe;
    this.#make = parts.make;
    this.#alive = parts.alive;
    this.#end = parts.end;
    this.#log = parts.log;
    this.#meter = parts.meter;
  }

  get ready(): number {
    return this.#ready.length;
  }

  /** How many there are to be. */
  get size(): number {
    return this.#size;
  }

  /** A slot that has all that a clone needs, and this very address where one is wished for, if there is one. */
  take(wish: SlotWish): Slot | undefined {
    const slot = this.#fitting(wish);
    if (this.#size > 0) this.#meter?.slotWanted(slot !== undefined);
    return slot;
  }

  #fitting({ strategy, snapshot, places }: SlotWish): Slot | undefined {
    if (this.#of?.strategy.name !== strategy) return undefined;
    if (this.#of.snapshot !== null && this.#of.snapshot !== snapshot) return undefined;
    const at = this.#ready.findIndex(
      ({ vm, grants }) =>
        this.#alive(vm) &&
        grants.length === places.length &&
        places.every((place, n) => grants[n] && fits(grants[n], place)),
    );
    return at < 0 ? undefined : this.#ready.splice(at, 1)[0];
  }

  /** What slots hold, those in the making too. */
  get grants(): readonly Grant[] {
    return [...this.#ready.map(({ grants }) => grants), ...this.#making].flat();
  }

  /** Takes back a slot that was not used after all. */
  giveBack(slot: Slot): void {
    this.#ready.unshift(slot);
  }

  /**
   * Ends slots that stand in somebody's way: those that hold an address which is asked for by name, and as many as it
   * takes where their network has no other address left. Done when they are gone.
   */
  async makeWay(wanted: readonly Wanted[], fabric: Pick<Fabric, 'networks'>): Promise<void> {
    const inWay = (grants: readonly Grant[]) => grants.some((grant) => inTheWay(grant, wanted, fabric));
    for (;;) {
      const slot = this.#ready.find(({ grants }) => inWay(grants));
      if (slot) {
        this.#lost(slot);
        await this.#end(slot.vm);
      } else if (this.#filling && this.#making.some(inWay)) await this.#filling;
      else return;
    }
  }

  /** Starts to fill up, unless that is under way. A slot that can't be made is logged; the next call tries again. */
  fill(): void {
    if (this.#filling || this.#closed || this.#size === 0) return;
    this.#filling = this.#fill()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => (this.#filling = null));
  }

  /** Makes no more, waits for those being made, and frees those that wait. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#later) clearTimeout(this.#later);
    await this.#filling;
    await Promise.all(this.#ready.splice(0).map((slot) => this.#end(slot.vm)));
  }

  /** Replaces a slot that has gone while it waited; not at once, lest a VMM that always ends keeps us busy. */
  #lost(slot: Slot): void {
    const at = this.#ready.indexOf(slot);
    if (at < 0) return;
    this.#ready.splice(at, 1);
    if (!this.#closed) this.#later ??= setTimeout(() => this.#refill(), pause);
  }

  #refill(): void {
    this.#later = null;
    this.fill();
  }

  async #fill(): Promise<void> {
    const recipe = this.#recipe();
    // Of a snapshot whose name has been given to another one since.
    if (recipe.snapshot !== this.#of?.snapshot)
      for (const { vm } of this.#ready.splice(0)) await this.#end(vm);
    this.#of = recipe;
    for (;;) {
      const lacking = Math.min(this.#size - this.#ready.length, together);
      if (lacking <= 0 || this.#closed) return;
      try {
        await this.#make(lacking, {
          granted: (grants) => this.#making.push(grants),
          made: (slot) => {
            this.#making.splice(this.#making.indexOf(slot.grants), 1);
            this.#ready.push(slot);
            void slot.ended.then(() => this.#lost(slot));
          },
        });
      } finally {
        this.#making = [];
      }
    }
  }

  #failed(error: unknown): void {
    // One that was in the making when we closed was given up, it did not fail.
    if (!this.#closed) this.#log.warn({ err: error }, 'a slot could not be made');
  }
}

/** Whether what a slot holds is asked for by name, or is the last that its network has. Pure but for what is left. */
function inTheWay(grant: Grant, wanted: readonly Wanted[], fabric: Pick<Fabric, 'networks'>): boolean {
  const own = wanted.filter(({ network }) => network === grant.network);
  if (own.some(({ address }) => address !== undefined && addressesOf(grant).includes(address))) return true;
  const network = fabric.networks().find(({ name }) => name === grant.network);
  const leased = own.filter(({ address }) => address === undefined).length;
  return network !== undefined && network.capacity - network.leases < leased;
}
