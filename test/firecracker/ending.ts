/** How a Firecracker ends, in words and in its exit code. */
import fs from 'node:fs';
import { log } from './log.js';
import { exitProcess } from './native/libc.js';

/** Ends as Rust's `main` does: a line in the log, the debug form on stderr, the exit code. */
export function fail(message: string, debug: string, code: number): never {
  log(message, 'Error');
  fs.writeSync(2, `Error: ${debug}\n`);
  log(`Firecracker exiting with error. exit_code=${code}`, 'Error');
  return exitProcess(code);
}

/** Rust's `panic = "abort"`, with the place that v1.16.1 names. */
export function panic(message: string, place: string): never {
  log(`Firecracker panicked at src/firecracker/src/${place}:\n${message}`, 'Error');
  process.kill(process.pid, 'SIGABRT');
  // Another thread may be the one that takes it.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10_000);
  return exitProcess(134);
}

export function succeed(text: string): never {
  fs.writeSync(1, text);
  log('Firecracker exiting successfully. exit_code=0');
  return exitProcess(0);
}
