import { cancelled } from '../api/errors/rpc.js';
import { askerOf, noteAsker } from '../operations/askers.js';

/** What is being made for containers, so that a container's end can stop it. */
export class Flights {
  readonly #all = new Map<string, Set<{ readonly abort: AbortController; readonly landed: Promise<void> }>>();

  /** Runs `work` under a signal that follows the caller's and ends with the container, too. */
  async run<T>(id: string, signal: AbortSignal, work: (abort: AbortController) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const abort = new AbortController();
    noteAsker(abort.signal, askerOf(signal));
    const follow = (): void => abort.abort(signal.reason);
    signal.addEventListener('abort', follow);
    let land = (): void => undefined;
    const flight = { abort, landed: new Promise<void>((resolve) => (land = resolve)) };
    const siblings = this.#all.get(id) ?? new Set();
    this.#all.set(id, siblings.add(flight));
    try {
      return await work(abort);
    } finally {
      signal.removeEventListener('abort', follow);
      siblings.delete(flight);
      if (siblings.size === 0) this.#all.delete(id);
      land();
    }
  }

  /** Aborts all that is being made for a container, and waits until it is undone. */
  async stop(id: string): Promise<void> {
    const flights = [...(this.#all.get(id) ?? [])];
    for (const { abort } of flights) abort.abort(cancelled({ by: 'poststop' }));
    await Promise.all(flights.map(({ landed }) => landed));
  }
}
