import type { Grant } from '../../plugins/contract.js';
import type { Log } from '../log/logger.js';
import type { Vm } from '../vms/vm.js';

/** A VMM with its tap, lease and rules, made before anybody asks. */
export interface Slot {
  readonly vm: Vm;
  readonly grant: Grant;
  /** Resolves when its VMM has ended. */
  readonly ended: Promise<unknown>;
}

/** Milliseconds before a slot that was lost is replaced. */
const pause = 500;

const has = ({ grant }: Slot, address: string): boolean =>
  grant.addresses.some((one) => one.split('/')[0] === address);

/**
 * Slots made ready in the background. A restore takes one at once or does without; a burst beyond the size makes what
 * it needs itself.
 */
export class SlotPool {
  readonly #ready: Slot[] = [];
  readonly #size: number;
  readonly #network: string;
  readonly #make: (network: string) => Promise<Slot>;
  readonly #alive: (vm: Vm) => boolean;
  readonly #end: (vm: Vm) => Promise<void>;
  readonly #log: Log;
  #filling: Promise<void> | null = null;
  #later: NodeJS.Timeout | null = null;
  #closed = false;

  /** @param parts.make makes one, or throws @param parts.alive whether a slot that waited is still good */
  constructor(parts: {
    size: number;
    network: string;
    make: (network: string) => Promise<Slot>;
    alive: (vm: Vm) => boolean;
    /** Frees a slot that nobody will take any more. */
    end: (vm: Vm) => Promise<void>;
    log: Log;
  }) {
    this.#size = parts.size;
    this.#network = parts.network;
    this.#make = parts.make;
    this.#alive = parts.alive;
    this.#end = parts.end;
    this.#log = parts.log;
  }

  get ready(): number {
    return this.#ready.length;
  }

  /** A slot on this network, with this very address where one is wished for, if there is one. */
  take(network: string, address?: string): Slot | undefined {
    if (network !== this.#network) return undefined;
    const at = this.#ready.findIndex(
      (slot) => this.#alive(slot.vm) && (address === undefined || has(slot, address)),
    );
    return at < 0 ? undefined : this.#ready.splice(at, 1)[0];
  }

  /** Takes back a slot that was not used after all. */
  giveBack(slot: Slot): void {
    this.#ready.unshift(slot);
  }

  /** Starts to fill up, unless that is under way. A slot that can't be made is logged; the next call tries again. */
  fill(): void {
    if (this.#filling || this.#closed) return;
    this.#filling = this.#fill().finally(() => (this.#filling = null));
  }

  /** Makes no more, waits for the one being made, and frees those that wait. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#later) clearTimeout(this.#later);
    await this.#filling;
    await Promise.all(this.#ready.splice(0).map((slot) => this.#end(slot.vm)));
  }

  /** Replaces a slot whose VMM has ended while it waited; not at once, lest a VMM that always ends keeps us busy. */
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
    while (this.#ready.length < this.#size && !this.#closed) {
      try {
        const slot = await this.#make(this.#network);
        this.#ready.push(slot);
        void slot.ended.then(() => this.#lost(slot));
      } catch (error) {
        this.#failed(error);
        return;
      }
    }
  }

  #failed(error: unknown): void {
    // One that was in the making when we closed was given up, it did not fail.
    if (!this.#closed) this.#log.warn({ err: error, network: this.#network }, 'a slot could not be made');
  }
}
