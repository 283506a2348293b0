import { setImmediate as turn } from 'node:timers/promises';

/** Milliseconds to gather hints: one change makes several. */
const gather = 20;
/** Milliseconds after which what could not be looked at is tried again. */
const patience = 500;
/** Looks begun before others of the daemon have their turn. */
const atOnce = 100;

/**
 * Turns hints into looks: soon after the first of several, one at a time for the same thing, and never none after the
 * last hint.
 */
export class Hints<T> {
  readonly #look: (thing: T) => Promise<void>;
  readonly #hinted = new Set<T>();
  readonly #looks = new Map<T, Promise<void>>();
  /** What was asked for while it was being looked at. */
  readonly #again = new Set<T>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #soon = false;
  #closed = false;

  /** @param look where it fails it is tried again, until it does not */
  constructor(look: (thing: T) => Promise<void>) {
    this.#look = look;
  }

  /** Something may have happened to it. */
  hint(thing: T): void {
    this.#hinted.add(thing);
    if (this.#soon) return;
    this.#soon = true;
    this.#in(gather, () => {
      this.#soon = false;
      const things = [...this.#hinted];
      this.#hinted.clear();
      void this.look(things);
    });
  }

  /** It is not as it should be yet. */
  later(thing: T): void {
    this.#in(patience, () => this.hint(thing));
  }

  /** Looks now. Done once each has been looked at by a look that began after this was called. */
  async look(things: readonly T[]): Promise<void> {
    const looks: Promise<void>[] = [];
    for (const thing of things) {
      looks.push(this.#lookAt(thing));
      if (looks.length % atOnce === 0) await turn();
    }
    await Promise.all(looks);
  }

  /** Looks no more; waits for what is being looked at. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#looks.values());
  }

  #lookAt(thing: T): Promise<void> {
    if (this.#closed) return Promise.resolve();
    const running = this.#looks.get(thing);
    if (running) {
      this.#again.add(thing);
      return running;
    }
    const looks = this.#lookUntilStill(thing);
    this.#looks.set(thing, looks);
    return looks;
  }

  async #lookUntilStill(thing: T): Promise<void> {
    do {
      this.#again.delete(thing);
      await this.#look(thing).catch(() => this.later(thing));
    } while (this.#again.has(thing) && !this.#closed);
    this.#looks.delete(thing);
  }

  #in(milliseconds: number, work: () => void): void {
    if (this.#closed) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, milliseconds);
    this.#timers.add(timer);
  }
}
