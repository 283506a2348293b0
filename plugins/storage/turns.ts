/** Lets one work at a time, in the order of asking. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Does `work` once those before are done with theirs. Who is aborted while waiting leaves the queue at once. */
  async take(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const turn = this.#last.then(() => {
      signal.throwIfAborted();
      return work();
    });
    this.#last = turn.catch(() => undefined);
    const left = new AbortController();
    try {
      await new Promise<void>((resolve, reject) => {
        const leave = (): void => reject(signal.reason as Error);
        signal.addEventListener('abort', leave, { once: true, signal: left.signal });
        turn.then(resolve, reject);
      });
    } finally {
      left.abort();
    }
  }
}
