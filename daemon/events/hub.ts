import type { ThawEvent } from '../api/events.js';

type Listener = (event: ThawEvent) => void;

/** What the emitter says; number and time are the hub's. */
export type Happening = Pick<ThawEvent, 'type'> &
  Partial<Pick<ThawEvent, 'vm' | 'snapshot' | 'operation' | 'detail'>>;

/** Numbers what happens, keeps the last of it, and tells whoever listens. In one daemon's life numbers have no gaps. */
export class EventHub {
  readonly epoch: string;
  readonly #kept: ThawEvent[] = [];
  readonly #keep: number;
  readonly #listeners = new Set<Listener>();
  #seq = 0;

  /** @param epoch distinguishes this daemon's numbers from another's @param keep how many events can be asked for again */
  constructor(epoch: string, keep = 4096) {
    this.epoch = epoch;
    this.#keep = keep;
  }

  /** The number of the last event. */
  get seq(): number {
    return this.#seq;
  }

  emit(happening: Happening): void {
    const event: ThawEvent = {
      seq: ++this.#seq,
      at: Date.now(),
      vm: null,
      snapshot: null,
      operation: null,
      ...happening,
    };
    this.#kept.push(event);
    // Trimmed in blocks: shifting one by one would copy the array for every event.
    if (this.#kept.length >= Math.min(2 * this.#keep, this.#keep + 256))
      this.#kept.splice(0, this.#kept.length - this.#keep);
    for (const listener of this.#listeners) listener(event);
  }

  /** The events after `seq`, or null where they are no longer all kept or never were. */
  since(seq: number): readonly ThawEvent[] | null {
    if (seq > this.#seq) return null;
    if (seq === this.#seq) return [];
    const first = this.#kept[0];
    if (first === undefined || first.seq > seq + 1) return null;
    return this.#kept.slice(seq + 1 - first.seq);
  }

  /** Calls `listener` for each event from now on; returns how to stop that. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
