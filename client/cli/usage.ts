import { ThawError } from '../../daemon/api/thaw-error.js';

/** Where to read on: the help of a command, or of thaw. */
export const helpOf = (command: string | null): string =>
  `See \`thaw ${command === null ? '' : `${command} `}--help\``;

/** A command line that can't be carried out: exit code 2. It never comes from the daemon, so its code is JSON-RPC's. */
export function usage(message: string, remedy = helpOf(null)): ThawError {
  return new ThawError({ code: -32602, message, detail: { reason: 'usage', retryable: false, remedy } });
}

/** The same mistake, with the help of the command that it was made in where nothing better is known. */
export function usageIn(help: string, error: unknown): unknown {
  const vague =
    error instanceof ThawError && error.reason === 'usage' && error.detail.remedy === helpOf(null);
  return vague ? usage(error.message, help) : error;
}
