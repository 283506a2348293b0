import { exit } from './exit.js';

/** Ctrl-C and its like, while a command runs. */
export interface Interrupts {
  /** Aborts at the first one. */
  readonly signal: AbortSignal;
  close(): void;
}

/**
 * The first SIGINT, SIGTERM or SIGHUP cancels what is under way, which the daemon then undoes; the second one leaves
 * at once, and the daemon goes on undoing by itself.
 * @param tell says to a person what is going on
 */
export function openInterrupts(tell: () => void): Interrupts {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(exit.interrupted);
    tell();
    controller.abort();
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, interrupt);
  return {
    signal: controller.signal,
    close: () => {
      for (const name of names) process.off(name, interrupt);
    },
  };
}
