/** Does something again and again: each time so long after the last time has ended, never two at once. */
export class Ticker {
  readonly #run: (signal: AbortSignal) => Promise<unknown>;
  readonly #onError: (error: unknown) => void;
  readonly #closing = new AbortController();
  #milliseconds: number;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;
  #since = 0;

  /**
   * @param parts.seconds between two runs; 0 for never
   * @param parts.atOnce the first run does not wait
   * @param parts.run is given a signal that aborts when the ticker is closed
   * @param parts.onError hears of a run that failed; the next has its turn all the same
   */
  constructor(parts: {
    seconds: number;
    atOnce?: boolean | undefined;
    run: (signal: AbortSignal) => Promise<unknown>;
    onError: (error: unknown) => void;
  }) {
    this.#milliseconds = parts.seconds * 1000;
    this.#run = parts.run;
    this.#onError = parts.onError;
    this.#arm(parts.atOnce === true ? 0 : this.#milliseconds);
  }

  /** Milliseconds since the run under way began; null while none is. */
  get runningFor(): number | null {
    return this.#running ? performance.now() - this.#since : null;
  }

  /** Changes the interval, from now on. */
  every(seconds: number): void {
    this.#milliseconds = seconds * 1000;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (!this.#running) this.#arm();
  }

  /** Runs no more; what runs is aborted and awaited. */
  async close(): Promise<void> {
    this.#closing.abort(new DOMException('closed', 'AbortError'));
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#running;
  }

  #arm(milliseconds = this.#milliseconds): void {
    if (this.#milliseconds === 0 || this.#closing.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#since = performance.now();
      this.#running = this.#tick().finally(() => {
        this.#running = null;
        this.#arm();
      });
    }, milliseconds);
  }

  async #tick(): Promise<void> {
    try {
      await this.#run(this.#closing.signal);
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#onError(error);
    }
  }
}
