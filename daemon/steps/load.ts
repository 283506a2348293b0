import { z } from 'zod';
import { stepKind, type Fabric, type Json, type Step } from '../../plugins/contract.js';
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
  /** A path for the vsock's socket, where the clone can't have the one in the snapshot. */
  vsockPath: z.string().optional(),
  /** Taps of the fabric that the load opens. */
  taps: z.array(z.string()).default([]),
});
export type LoadStep = z.infer<typeof load> & Step;

/** Loads the snapshot, left paused. Any failed load ends the process, so undo ends it too. */
export const loadKind = (fleet: Fleet, fabric: Fabric) =>
  stepKind<LoadStep>({
    kind: 'load',
    schema: load,
    async run(step, cx) {
      // Firecracker makes a missing tap itself, without bridge and DOWN, and says 204: look first.
      for (const tap of step.taps) await fabric.verifyTap(tap, step.vm, cx);
      await fleet.api(step.vm).loadSnapshot(step, cx);
    },
    undo: (step, cx) => fleet.end(step, cx),
    check: () => Promise.resolve([]),
  });
