import { setTimeout as sleep } from 'node:timers/promises';
import { processGone, type ProcessIdentity } from '../effects/process.js';
import type { Log } from '../log/logger.js';
import type { Operations } from '../operations/operations.js';

/** A container that has a clone. */
export interface Holder extends ProcessIdentity {
  readonly id: string;
}

/**
 * Waits for the ends of containers: a runtime that dies, or one whose container failed late, never calls poststop.
 */
export class Guard {
  readonly #operations: Operations;
  readonly #log: Log;
  readonly #closing = new AbortController();
  readonly #watched = new Set<string>();
  readonly #under = new Set<Promise<void>>();

  constructor({ operations, log }: { operations: Operations; log: Log }) {
    this.#operations = operations;
    this.#log = log;
  }

  /** Calls `release` once the container has ended, and `grace` milliseconds later; once for each, however often asked. */
  watch(holder: Holder, grace: number, release: () => Promise<unknown>): void {
    const key = `${holder.id}/${holder.pid}/${holder.startTime}`;
    if (this.#watched.has(key) || this.#closing.signal.aborted) return;
    this.#watched.add(key);
    const watching = this.#wait(holder, grace, release).finally(() => {
      this.#watched.delete(key);
      this.#under.delete(watching);
    });
    this.#under.add(watching);
  }

  /** Waits no more; what is being released is awaited. */
  async close(): Promise<void> {
    this.#closing.abort(new DOMException('closed', 'AbortError'));
    await Promise.all(this.#under);
  }

  async #wait(holder: Holder, grace: number, release: () => Promise<unknown>): Promise<void> {
    const { signal } = this.#closing;
    try {
      await processGone(holder, this.#operations.looking(signal));
      await sleep(grace, undefined, { signal });
      await release();
    } catch (err) {
      if (!signal.aborted) this.#log.error({ container: holder.id, err }, 'a clone could not be released');
    }
  }
}
