/**
 * Lets several come together before one thing is done for all. Whoever does not come, because it failed before, has to
 * say so, or the others would wait for ever.
 */
export class Gathering<T> {
  readonly #work: () => Promise<void>;
  readonly #missing: Set<T>;
  readonly #done: Promise<void>;
  #finish: () => void = () => undefined;

  /** @param work begins when all have come, or gone; nobody hears of its failure */
  constructor(members: Iterable<T>, work: () => Promise<void>) {
    this.#work = work;
    this.#missing = new Set(members);
    this.#done = new Promise((resolve) => (this.#finish = resolve));
  }

  /** Resolves when the work is done. */
  async arrive(member: T): Promise<void> {
    this.#expectNoMore(member);
    await this.#done;
  }

  /** Harmless once it has arrived. */
  leave(member: T): void {
    this.#expectNoMore(member);
  }

  #expectNoMore(member: T): void {
    if (this.#missing.delete(member) && this.#missing.size === 0)
      void this.#work().then(this.#finish, this.#finish);
  }
}
