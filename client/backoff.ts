import { setTimeout as sleep } from 'node:timers/promises';
import { ThawError } from '../daemon/api/thaw-error.js';
import type { ReconnectOptions } from './types.js';

/**
 * Tries until it works, with growing pauses in between.
 * @throws what the last try threw, once it is too late for another or where another would not help
 */
export async function persistently<T>(
  attempt: () => Promise<T>,
  options: ReconnectOptions,
  signal: AbortSignal,
): Promise<T> {
  const { firstDelayMs = 25, longestDelayMs = 1_000, giveUpMs = 15_000 } = options;
  const end = performance.now() + giveUpMs;
  for (let delay = firstDelayMs; ; delay = Math.min(2 * delay, longestDelayMs)) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      // Up to half of it by chance: a host full of clients should not knock all at once.
      const pause = delay * (0.5 + Math.random() / 2);
      if (!(error instanceof ThawError && error.detail.retryable) || performance.now() + pause > end)
        throw error;
      await sleep(pause, undefined, { signal });
    }
  }
}
