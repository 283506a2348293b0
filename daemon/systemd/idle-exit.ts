/** What keeps a daemon here. */
export interface Stir {
  /** Connections that there were so far. */
  readonly taken: number;
  /** Whether anybody is connected, anything is under way, or something is due that only a daemon can do. */
  readonly busy: boolean;
}

/** Milliseconds between two looks. */
const interval = 250;

/** Ends a daemon that nobody has needed for a while: systemd listens on, and starts the next with the next call. */
export class IdleExit {
  readonly #timer: NodeJS.Timeout;
  #taken = 0;
  #since = performance.now();

  /**
   * @param parts.leave gives up the socket, unless somebody has come meanwhile
   * @param parts.exit called once, after that
   */
  constructor(parts: { seconds: number; stir: () => Stir; leave: () => boolean; exit: () => void }) {
    const { seconds, stir, leave, exit } = parts;
    this.#timer = setInterval(() => {
      const now = performance.now();
      const { taken, busy } = stir();
      // Who came and went between two looks was here too.
      if (busy || taken !== this.#taken) this.#since = now;
      this.#taken = taken;
      if (now - this.#since < seconds * 1000 || !leave()) return;
      this.close();
      exit();
    }, interval);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
