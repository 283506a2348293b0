import type { VmRecord } from '../records/vm-record.js';

/** What is to be done about a recorded VM that another daemon has left. */
export type Verdict =
  /** Nothing is under way and it lives: take it up. */
  | 'adopt'
  /** It lives, in the middle of a change that nobody will finish: take it up and undo the change. */
  | 'undo'
  /** It was never finished, is going, or has ended: undo all of it. */
  | 'remove';

/** Decides from the record and from whether its VMM lives, nothing else. */
export function decide(record: VmRecord, alive: boolean): Verdict {
  // A slot is worth less than the certainty that it is whole.
  if (record.removing || record.name === null || record.pending?.makes === true) return 'remove';
  if (record.kept) return 'adopt';
  if (!alive) return 'remove';
  return record.pending === null ? 'adopt' : 'undo';
}
