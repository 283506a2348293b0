import { noRoom } from '../api/errors/vm.js';

/** How many VMs there may be, and how much memory all their guests may have together; undefined for no limit. */
export interface RoomLimits {
  readonly vms?: number | undefined;
  readonly memoryMib?: number | undefined;
}

/**
 * Who is let in. A VM has its room from before anything is made for it until it is gone, so that of many that are asked
 * for at once no more get through than there is room for. A slot has none: it holds no guest's memory.
 */
export class Room {
  readonly #memory = new Map<string, number>();
  #limits: RoomLimits = {};
  #usedMib = 0;

  /** Sets the limits; those who are in stay, also where it is more of them than that. */
  limit(limits: RoomLimits): void {
    this.#limits = limits;
  }

  /** Takes room for a VM whose guest has so much memory. @throws noRoom */
  take(vm: string, memoryMib: number): void {
    const { vms, memoryMib: most } = this.#limits;
    const used = this.#memory.size;
    if (vms !== undefined && used >= vms) throw noRoom({ limit: 'vms', most: vms, used, wanted: 1 });
    if (most !== undefined && this.#usedMib + memoryMib > most)
      throw noRoom({ limit: 'memoryMib', most, used: this.#usedMib, wanted: memoryMib });
    this.occupy(vm, memoryMib);
  }

  /** Notes the room of a VM that is there already. */
  occupy(vm: string, memoryMib: number): void {
    this.free(vm);
    this.#memory.set(vm, memoryMib);
    this.#usedMib += memoryMib;
  }

  free(vm: string): void {
    this.#usedMib -= this.#memory.get(vm) ?? 0;
    this.#memory.delete(vm);
  }

  get used(): {
    vms: { used: number; most: number | null };
    memoryMib: { used: number; most: number | null };
  } {
    const { vms = null, memoryMib = null } = this.#limits;
    return {
      vms: { used: this.#memory.size, most: vms },
      memoryMib: { used: this.#usedMib, most: memoryMib },
    };
  }
}
