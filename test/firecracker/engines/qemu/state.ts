/** What of a guest under QEMU stands in the state file: what the VMM knows of it, then QEMU's own state. */
export interface Kept {
  readonly agentPort: number;
  readonly agentListens: boolean;
  /** The agent still holds a client that no longer exists (fact 4). */
  readonly agentStuck: boolean;
}

/** Its bytes. */
export function encode(kept: Kept, state: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(kept)}\n`), state]);
}

/** The other way round. */
export function decode(bytes: Buffer): { kept: Kept; state: Buffer } {
  const end = bytes.indexOf('\n');
  return { kept: JSON.parse(bytes.toString('utf8', 0, end)) as Kept, state: bytes.subarray(end + 1) };
}
