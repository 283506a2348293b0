/** How long the parts of a conversation with an agent may take before another try, in milliseconds. */
export interface Patience {
  /** For the guest to accept a connection: doubled with each try up to 2 s, when Firecracker gives up itself. */
  readonly accept: number;
  /** For the agent's first answer on it: doubled with each try up to 16 s. */
  readonly hello: number;
  /** For one update; it waits for a NIC itself. */
  readonly update: number;
  /** Between two tries: doubled with each up to 200 ms. */
  readonly pause: number;
  /**
   * For the guest to notice that a connection was closed: an agent that serves one client at a time would otherwise
   * hold the dead one in every clone of a snapshot (30 ms were enough in an emulated guest).
   */
  readonly hangUp: number;
}

export const patience: Patience = { accept: 150, hello: 1_000, update: 60_000, pause: 5, hangUp: 50 };

/** `first` doubled `tries` times, at most `most`. */
export const grown = (first: number, tries: number, most: number): number =>
  Math.min(first * 2 ** Math.min(tries, 20), most);
