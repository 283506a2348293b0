/** What one client can make the daemon hold or do at once. */
export interface Limits {
  /** Bytes of a line. */
  readonly lineBytes: number;
  /** How deep arrays and objects may be nested in a line. */
  readonly depth: number;
  /** Requests of a batch. */
  readonly batch: number;
  /** Characters of a request's id or of a method's name. */
  readonly idLength: number;
  /** Requests of one connection being answered at once. */
  readonly inFlight: number;
  /** Bytes waiting to be read by a client before its requests are read no further. */
  readonly queueBytes: number;
  /** Connections at once. */
  readonly connections: number;
}

export const defaultLimits: Limits = {
  lineBytes: 1 << 20,
  depth: 64,
  batch: 128,
  idLength: 128,
  inFlight: 256,
  queueBytes: 1 << 20,
  connections: 1024,
};
