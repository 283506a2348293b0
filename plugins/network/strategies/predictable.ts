import { createHash } from 'node:crypto';
import { z } from 'zod';
import { LinkName, type SnapshotId } from '../../../daemon/api/shapes/ids.js';
import { definePlugin, pluginContract, type Question, type Verdict } from '../../contract.js';
import { judgeKept, planKept } from './kept.js';
import { refuser } from './words.js';

/**
 * The name of the nth tap in a snapshot of this id: `thw` and twelve hexadecimal digits, the 15 bytes that the kernel
 * allows. No tap of a VM's own (`th`, then its id of 0–9 and a–v) can have it. Pure.
 */
export function predictableTap(snapshot: SnapshotId, index: number): LinkName {
  const text = index === 0 ? snapshot : `${snapshot}/${index}`;
  return LinkName.parse(`thw${createHash('sha256').update(text).digest('hex').slice(0, 12)}`);
}

/** A snapshot of a VM that was booted for its id, so that its taps' names follow from it. Pure. */
export function judgePredictable(question: Question): Verdict {
  const { manifest } = question;
  const odd = manifest.nics
    .map(({ id, tap }, index) => ({ id, tap, expected: predictableTap(manifest.id, index) }))
    .find(({ tap, expected }) => tap !== expected);
  const verdict = judgeKept('predictable', question);
  if (!odd) return verdict;
  const { id, tap, expected } = odd;
  return {
    ok: false,
    error: refuser('predictable', question)(
      `its ${id} has the tap ${tap} inside, not ${expected}, which follows from its id`,
      'Boot the source for the snapshot (`thaw boot --snapshot-id new`), or use override or recorded',
    ),
  };
}

export default definePlugin({
  kind: 'strategy',
  name: 'predictable',
  contract: pluginContract,
  config: z.strictObject({}),
  start: () =>
    Promise.resolve({
      slots: false,
      judge: judgePredictable,
      plan: planKept,
      tapName: predictableTap,
      kinds: {},
    }),
});
