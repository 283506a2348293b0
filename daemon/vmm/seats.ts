import { seatKept, seatWatch, type Seat } from '../effects/vmm-seat.js';
import type { Context } from '../../plugins/contract.js';
import type { VmmProcess } from './process.js';

/** Where VMMs are found by whoever does not know them yet: the files of their API sockets. */
export class Seats {
  readonly #seats = new Map<VmmProcess, Seat>();
  readonly #onHint: (vm: string) => void;

  /** @param onHint something happened to a VM's socket */
  constructor(onHint: (vm: string) => void) {
    this.#onHint = onHint;
  }

  /** Watches a VMM's socket, from when it is there. */
  async take(process: VmmProcess, cx: Context): Promise<void> {
    const { vm, apiSocket: path } = process;
    this.#seats.set(process, await seatWatch({ path, onHint: () => this.#onHint(vm) }, cx));
  }

  /** Whether nobody has removed or replaced a VMM's socket, as far as it was ever taken. */
  async kept(process: VmmProcess, cx: Context): Promise<boolean> {
    const seat = this.#seats.get(process);
    return seat === undefined || (await seatKept(seat, cx));
  }

  leave(process: VmmProcess): void {
    void this.#seats.get(process)?.close();
    this.#seats.delete(process);
  }
}
