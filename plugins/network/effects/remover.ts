import { deleteLinks } from './route.js';

interface Batch {
  readonly indexes: Set<number>;
  readonly done: Promise<void>;
}

/** Removes links; what is asked for while a removal is under way goes together in the next one. */
export class LinkRemover {
  #next: Batch | null = null;
  #last: Promise<void> = Promise.resolve();

  /** Resolves when the link is gone. */
  remove(index: number): Promise<void> {
    this.#next ??= this.#begin();
    this.#next.indexes.add(index);
    return this.#next.done;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#last;
  }

  #begin(): Batch {
    const indexes = new Set<number>();
    const done = this.#last.then(() => {
      this.#next = null;
      return deleteLinks([...indexes]);
    });
    // The next batch waits for this one, whatever became of it; whoever asked hears of a failure.
    this.#last = done.catch(() => undefined);
    return { indexes, done };
  }
}
