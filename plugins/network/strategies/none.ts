import { z } from 'zod';
import {
  definePlugin,
  pluginContract,
  type Question,
  type StrategyPlan,
  type Verdict,
} from '../../contract.js';
import { nicsInside, refuser } from './words.js';

/** Any snapshot without a NIC. Pure. */
export function judgeNone(question: Question): Verdict {
  const unfit = refuser('none', question);
  const refuse = (why: string, instead: string): Verdict => ({ ok: false, error: unfit(why, instead) });
  if (question.manifest.nics.length > 0)
    return refuse(
      `it carries a NIC (${nicsInside(question)}), whose tap Firecracker would make or open at the load`,
      'Take the snapshot again with strip, or of a VM that was booted without a NIC',
    );
  if (question.wishes !== null && question.wishes.length > 0)
    return refuse(
      'it gives no NICs, but some were asked for',
      'Leave out the NICs, or choose another strategy',
    );
  if (question.keepMac) return refuse('it has no NIC whose MAC could be kept', 'Leave out keepMac');
  return { ok: true, places: [] };
}

/** No network. Pure. */
export function planNone(): StrategyPlan {
  return {
    prepare: [],
    vmm: {},
    load: { keys: {}, taps: [] },
    plug: [],
    rescan: false,
    guest: [],
    settle: [],
  };
}

export default definePlugin({
  kind: 'strategy',
  name: 'none',
  contract: pluginContract,
  config: z.strictObject({}),
  start: () => Promise.resolve({ slots: false, judge: judgeNone, plan: planNone, kinds: {} }),
});
