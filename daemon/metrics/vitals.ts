import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Milliseconds between two samples. */
const interval = 500;
/** What the histogram measures is how late a timer of this many milliseconds comes; the rest is lag. */
const resolution = 20;

/** How the process is, sampled: reading it for every question would cost more than the answer. */
export class Vitals {
  readonly #delay = monitorEventLoopDelay({ resolution });
  readonly #timer: NodeJS.Timeout;
  #residentBytes = process.memoryUsage.rss();
  #lag = 0;

  constructor() {
    this.#delay.enable();
    this.#timer = setInterval(() => this.#sample(), interval);
    this.#timer.unref();
  }

  get residentBytes(): number {
    return this.#residentBytes;
  }

  /** The longest that the event loop kept anybody waiting in the last sample, in milliseconds. */
  get eventLoopLagMs(): number {
    return this.#lag;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }

  #sample(): void {
    this.#residentBytes = process.memoryUsage.rss();
    this.#lag = Math.max(0, Math.round(this.#delay.max / 1e6 - resolution));
    this.#delay.reset();
  }
}
