import type { ThawEvent } from '../api/events.js';
import type { Past } from './past.js';

type Listener = (event: ThawEvent) => void;

/** What the emitter says; number and time are the hub's. */
export type Happening = Pick<ThawEvent, 'type'> &
  Partial<Pick<ThawEvent, 'vm' | 'snapshot' | 'operation' | 'detail'>>;

/** Events that are left for the next daemon: as many as a subscriber may lag behind who is to miss nothing. */
const left = 1024;

/**
 * Numbers what happens, keeps the last of it, and tells whoever listens. In one epoch numbers have no gaps; it goes on
 * with the next daemon where one has ended in order, since nothing has happened then that nobody has told.
 */
export class EventHub {
  readonly epoch: string;
  readonly #kept: ThawEvent[];
  readonly #keep: number;
  readonly #listeners = new Set<Listener>();
  #seq: number;

  /**
   * @param epoch distinguishes these numbers from others
   * @param keep how many events can be asked for again
   * @param before where another daemon has ended
   */
  constructor(epoch: string, keep = 4096, before: Pick<Past, 'seq' | 'events'> = { seq: 0, events: [] }) {
    this.epoch = epoch;
    this.#keep = keep;
    this.#seq = before.seq;
    this.#kept = [...before.events];
  }

  /** Where it stands: for the next daemon to go on. */
  past(): Omit<Past, 'version'> {
    return { epoch: this.epoch, seq: this.#seq, events: this.#kept.slice(-left) };
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
