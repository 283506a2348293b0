import type { Grant } from '../../plugins/contract.js';
import type { Log } from '../log/logger.js';
import type { Vm } from '../vms/vm.js';

/** A VMM with its tap, lease and rules, made before anybody asks. */
export interface Slot {
  readonly vm: Vm;
  readonly grant: Grant;
}

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

  /** A slot on this network, if there is one. */
  take(network: string): Slot | undefined {
    if (network !== this.#network) return undefined;
    for (let slot = this.#ready.shift(); slot; slot = this.#ready.shift()) {
      if (this.#alive(slot.vm)) return slot;
    }
    return undefined;
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
    await this.#filling;
    await Promise.all(this.#ready.splice(0).map((slot) => this.#end(slot.vm)));
  }

  async #fill(): Promise<void> {
    while (this.#ready.length < this.#size && !this.#closed) {
      try {
        this.#ready.push(await this.#make(this.#network));
      } catch (error) {
        this.#log.warn({ err: error, network: this.#network }, 'a slot could not be made');
        return;
      }
    }
  }
}
