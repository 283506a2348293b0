import { ThawError } from '../daemon/api/thaw-error.js';
import type { ErrorReason } from './errors.gen.js';

/**
 * Whether something that was thrown is an error of thaw's, and one of these where any are named:
 * `if (isThawError(error, 'vm-unknown')) …`. `thaw explain` and `client/errors.md` list the reasons.
 */
export function isThawError(error: unknown, ...reasons: readonly ErrorReason[]): error is ThawError {
  if (!(error instanceof ThawError)) return false;
  return reasons.length === 0 || reasons.some((reason) => reason === error.reason);
}
