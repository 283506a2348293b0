import { z } from 'zod';
import { definePlugin, pluginContract, type Question, type Verdict } from '../../contract.js';
import { judgeKept, planKept } from './kept.js';

/** Any snapshot with its NICs inside. Pure. */
export const judgeRecorded = (question: Question): Verdict => judgeKept('recorded', question);

export default definePlugin({
  kind: 'strategy',
  name: 'recorded',
  contract: pluginContract,
  config: z.strictObject({}),
  start: () => Promise.resolve({ slots: false, judge: judgeRecorded, plan: planKept, kinds: {} }),
});
