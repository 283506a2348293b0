/** The metadata store, as far as the API goes; no guest of the stand-in asks for it. */
import type { Action } from '../api/actions.js';
import { type Answer, noContent, ok } from '../api/response.js';
import { Fault } from '../errors.js';

export class Mmds {
  private data: unknown = null;

  /** Answers what is asked about the store; undefined for anything else. */
  answer(action: Action): Answer | undefined {
    // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check -- the others are answered elsewhere
    switch (action.is) {
      case 'get-mmds':
        return ok(this.data ?? {});
      case 'put-mmds':
        this.data = action.data;
        return noContent;
      case 'patch-mmds':
        if (this.data === null) throw notInitialized();
        this.data = mergePatch(this.data, action.data);
        return noContent;
      default:
        return undefined;
    }
  }
}

export const notInitialized = (): Fault => new Fault('MMDS error: The MMDS data store is not initialized.');

/** RFC 7396. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const old = typeof target === 'object' && target !== null && !Array.isArray(target) ? target : {};
  const result = new Map<string, unknown>(Object.entries(old));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key);
    else result.set(key, mergePatch(result.get(key), value));
  }
  return Object.fromEntries(result);
}
