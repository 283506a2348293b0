import { ThawError } from '../api/thaw-error.js';
import type { EventHub } from '../events/hub.js';
import type { Log } from '../log/logger.js';
import { differences, type Differences } from './differences.js';
import type { Config } from './schema.js';

export interface ReloaderParts {
  /** What holds now. */
  readonly config: Config;
  /** Reads what is to hold. @throws configInvalid */
  readonly read: () => Promise<Config>;
  /** Takes up the keys that a running daemon can; throws before it has changed anything, or not at all. */
  readonly apply: (config: Config) => Promise<void>;
  readonly events: EventHub;
  readonly log: Log;
}

/** Takes up a changed configuration while the daemon runs, as far as that goes. One at a time. */
export class Reloader {
  readonly #parts: ReloaderParts;
  #config: Config;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: ReloaderParts) {
    this.#parts = parts;
    this.#config = parts.config;
  }

  /** @throws configInvalid, cgroupsUnavailable; all is then as before, and everybody is told */
  reload(): Promise<Differences> {
    const next = this.#last.then(() => this.#reload());
    this.#last = next.catch(() => undefined);
    return next;
  }

  async #reload(): Promise<Differences> {
    const { read, apply, events, log, config: first } = this.#parts;
    try {
      const config = await read();
      const { live } = differences(this.#config, config);
      await apply(config);
      // What takes a restart differs from what this daemon began with, whatever was read since.
      const { restart } = differences(first, config);
      this.#config = config;
      const detail = { applied: live, restart };
      log.info(detail, 'the configuration was read again');
      events.emit({ type: 'system.reloaded', detail });
      return { live, restart };
    } catch (err) {
      log.error({ err }, 'the configuration was refused, the old one is kept');
      const message = err instanceof ThawError ? err.message : String(err);
      events.emit({ type: 'system.reload-failed', detail: { message } });
      throw err;
    }
  }
}
