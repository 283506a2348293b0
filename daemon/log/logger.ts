import { pino, type LoggerOptions } from 'pino';

/** What parts of the daemon log with; pino's form. */
export interface Log {
  debug(data: object, message: string): void;
  info(data: object, message: string): void;
  warn(data: object, message: string): void;
  error(data: object, message: string): void;
  child(bindings: Record<string, unknown>): Log;
  /** Below which nothing is said; may be changed. */
  level: string;
}

/** Where lines go: `json` has the time in each, `journal` has the priority before each, as the journal keeps times. */
export type LogForm = 'json' | 'journal';

/** The journal's priorities (sd-daemon(3)) for pino's levels. */
const priorities: Readonly<Record<string, number>> = { 10: 7, 20: 7, 30: 6, 40: 4, 50: 3, 60: 2 };

/** A line with its priority before it. Pure. */
export function journalLine(line: string): string {
  const level = /^\{"level":(\d+)/.exec(line)?.[1] ?? '';
  return `<${priorities[level] ?? 6}>${line}`;
}

const forms: Readonly<Record<LogForm, LoggerOptions>> = {
  json: {},
  journal: { timestamp: false, hooks: { streamWrite: journalLine } },
};

/**
 * JSON lines on standard output, written at once: a worker transport would lose the last ones when the process ends.
 * A line that can't be written, to a full disk or a closed pipe, is lost and ends nothing.
 */
export function openLog(level: string, form: LogForm): Log {
  const output = pino.destination({ dest: 1, sync: true });
  output.on('error', () => undefined);
  return pino({ level, base: {}, ...forms[form] }, output);
}
