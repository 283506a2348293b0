import { ThawError } from '../../daemon/api/thaw-error.js';

/** A command line that can't be carried out: exit code 2. It never comes from the daemon, so its code is JSON-RPC's. */
export function usage(message: string, remedy = 'See `thaw --help`'): ThawError {
  return new ThawError({ code: -32602, message, detail: { reason: 'usage', retryable: false, remedy } });
}
