import type { VmRecord } from '../records/vm-record.js';

/** Whether a VM's time is over: not while it is being made, which counts from its end. Pure. */
export function isExpired({ expiresAt, pending, removing }: VmRecord, now: number): boolean {
  return expiresAt !== null && expiresAt <= now && pending?.makes !== true && !removing;
}

/** A reading of the host's clock, which anybody may set, and of one that only runs; milliseconds. */
export interface Reading {
  readonly wall: number;
  readonly steady: number;
}

/** Differences of less than this are the clocks' own: one is slewed, and reading both takes a moment. */
const slack = 500;

/** By how many milliseconds the host's clock was set between two readings; 0 where it only ran. Pure. */
export function jumpBetween(before: Reading, after: Reading): number {
  const jump = after.wall - before.wall - (after.steady - before.steady);
  return Math.abs(jump) < slack ? 0 : Math.round(jump);
}
