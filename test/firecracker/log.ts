/** Firecracker's log lines: to stdout until a log file is named, in the format of v1.16.1's `LogFormat`. */
import fs from 'node:fs';
import type { Level, Logger } from './api/bodies.js';

const order: readonly Level[] = ['Off', 'Error', 'Warn', 'Info', 'Debug', 'Trace'];

let target = 1;
let level: Level = 'Info';
let showLevel = false;
let instance = 'anonymous-instance';

function timestamp(): string {
  const now = performance.timeOrigin + performance.now();
  const nanos = String(Math.floor((now % 1000) * 1e6)).padStart(9, '0');
  return `${new Date(now).toISOString().slice(0, 19)}.${nanos}`;
}

/** Names the instance in every later line. */
export function nameInstance(id: string): void {
  instance = id;
}

/** Applies `PUT /logger` or the command line; an error of the file system is the caller's to word. */
export function configureLog(config: Pick<Logger, 'log_path' | 'level' | 'show_level'>): void {
  if (config.log_path !== null) {
    // As Firecracker: never wait for a reader of a FIFO.
    target = fs.openSync(
      config.log_path,
      fs.constants.O_WRONLY | fs.constants.O_APPEND | fs.constants.O_CREAT | fs.constants.O_NONBLOCK,
      0o644,
    );
  }
  level = config.level ?? level;
  showLevel = config.show_level ?? showLevel;
}

export function log(text: string, at: Level = 'Info', thread = 'main'): void {
  if (order.indexOf(at) > order.indexOf(level)) return;
  try {
    fs.writeSync(
      target,
      `${timestamp()} [${instance}:${thread}${showLevel ? `:${at.toUpperCase()}` : ''}] ${text}\n`,
    );
  } catch {
    // A log that nobody reads, or a full disk, is no reason to stop a VM.
  }
}
