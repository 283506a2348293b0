/** The machine's bus: who sits in which slot. A machine without PCI counts its MMIO devices here, too. */
import { Fault } from '../errors.js';

/** With the root bridge 32 (fact 11). */
const SLOTS = 32;

export interface Slot {
  readonly slot: number;
  readonly spoiled: boolean;
}

export class PciBus {
  private readonly taken = new Set<number>([0]);
  constructor(public unplugs = 0) {}

  /** The first free slot; a device that comes after an unplug gets an address the guest will not accept (fact 3). */
  plug(): Slot {
    for (let slot = 1; slot < SLOTS; slot += 1) {
      if (!this.taken.has(slot)) return this.put({ slot, spoiled: this.unplugs > 0 });
    }
    throw new Fault(
      'PCI manager error: PCI root error: Could not find an available device slot on the PCI bus.',
    );
  }

  /** Takes a slot that a snapshot names. */
  put(slot: Slot): Slot {
    this.taken.add(slot.slot);
    return { slot: slot.slot, spoiled: slot.spoiled };
  }

  unplug(slot: number): void {
    this.taken.delete(slot);
    this.unplugs += 1;
  }
}
