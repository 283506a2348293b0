import { z } from 'zod';
import { stepKind, type Json, type Step } from '../../plugins/contract.js';
import type { Fleet } from '../vmm/fleet.js';

const load = z.object({
  kind: z.literal('load'),
  vm: z.string(),
  dir: z.string(),
  snapshot: z.string(),
  state: z.string(),
  mem: z.string(),
  /** More keys of `PUT /snapshot/load`, by the strategy's wish. */
  extra: z.record(z.string(), z.json() as z.ZodType<Json>),
});
export type LoadStep = z.infer<typeof load> & Step;

/** Loads the snapshot, left paused. Any failed load ends the process, so undo ends it too. */
export const loadKind = (fleet: Fleet) =>
  stepKind<LoadStep>({
    kind: 'load',
    schema: load,
    run: (step, cx) => fleet.api(step.vm).loadSnapshot(step, cx),
    undo: (step, cx) => fleet.end(step, cx),
    check: () => Promise.resolve([]),
  });
