import { Turns } from '../vmm/turns.js';

/** One at a time for each key; of different keys any number side by side. */
export class KeyedTurns {
  readonly #turns = new Map<string, { readonly turns: Turns; waiting: number }>();

  /** @throws the signal's reason where it aborts while waiting */
  async take<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const entry = this.#turns.get(key) ?? { turns: new Turns(), waiting: 0 };
    this.#turns.set(key, entry);
    entry.waiting += 1;
    try {
      return await entry.turns.take(signal, work);
    } finally {
      entry.waiting -= 1;
      if (entry.waiting === 0) this.#turns.delete(key);
    }
  }
}
