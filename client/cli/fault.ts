import { ThawError } from '../../daemon/api/thaw-error.js';
import type { Paint } from './terminal.js';
import { cleanLines } from './text.js';

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** An error as people read it: what happened, what to do, and where its steps can be seen. */
export function faultLines(error: unknown, paint: Paint, about?: string): readonly string[] {
  const message = `${about === undefined ? '' : `${about}: `}${cleanLines(messageOf(error))}`;
  const lines = [`${paint('red', '✗')} ${message}`];
  if (!(error instanceof ThawError)) return lines;
  const { remedy, operation } = error.detail;
  if (remedy !== '') lines.push(`  → ${cleanLines(remedy)}`);
  // Null where the library does not know it.
  if (typeof operation === 'string')
    lines.push(paint('dim', `  what was done: thaw timeline ${cleanLines(operation)}`));
  return lines;
}

/** An error for programs, as JSON-RPC has it. */
export function faultValue(error: unknown): unknown {
  if (!(error instanceof ThawError)) return { message: messageOf(error) };
  return { code: error.code, message: error.message, data: error.detail };
}
