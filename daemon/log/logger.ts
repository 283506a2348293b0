import { pino } from 'pino';

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

/** JSON lines on standard output, written at once: a worker transport would lose the last ones when the process ends. */
export function openLog(level: string): Log {
  return pino({ level, base: {} }, pino.destination({ dest: 1, sync: true }));
}
