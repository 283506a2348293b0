interface Waiting {
  /** A container; null for what must be alone. */
  readonly key: string | null;
  start(): void;
}

/**
 * The order that CNI asks of a runtime (specification 1.1, “Lifecycle & Ordering”): one operation at a time for a
 * container, any number for different ones, and a GC only while there is none, lest it take what is being added.
 */
export class CniOrder {
  readonly #running = new Set<string | null>();
  readonly #queue: Waiting[] = [];

  /** Does `work` in its turn. @param key the container, or null for a GC @throws the signal's reason where it waits in vain */
  async take<T>(key: string | null, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#turn(key, signal);
    try {
      return await work();
    } finally {
      this.#running.delete(key);
      this.#advance();
    }
  }

  #turn(key: string | null, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#queue.splice(this.#queue.indexOf(waiting), 1);
        reject(signal.reason as Error);
        this.#advance();
      };
      const waiting: Waiting = {
        key,
        start: () => {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal.throwIfAborted();
      signal.addEventListener('abort', leave, { once: true });
      this.#queue.push(waiting);
      this.#advance();
    });
  }

  /** Starts whoever may, in the order of asking; nobody overtakes a GC, which would never have its turn else. */
  #advance(): void {
    for (const waiting of [...this.#queue]) {
      const { key } = waiting;
      const free =
        key === null ? this.#running.size === 0 : !this.#running.has(key) && !this.#running.has(null);
      if (free) {
        this.#queue.splice(this.#queue.indexOf(waiting), 1);
        this.#running.add(key);
        waiting.start();
      } else if (key === null) return;
    }
  }
}
