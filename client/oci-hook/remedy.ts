import { ThawError } from '../../daemon/api/thaw-error.js';

/** An error in one line: what is wrong, what to do, and where to look. */
export function remedyOf(error: unknown): string {
  if (!(error instanceof ThawError)) return String(error);
  const { remedy, operation } = error.detail;
  const where = operation === undefined ? '' : ` (\`thaw timeline ${operation}\`)`;
  return `${error.message} → ${remedy}${where}`;
}
