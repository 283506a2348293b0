import { z } from 'zod';
import { nothing, stepKind, type Context, type Step } from '../../plugins/contract.js';

const schema = z.object({ kind: z.literal('compatible'), vm: z.string(), snapshot: z.string() });
export type CompatibleStep = z.infer<typeof schema> & Step;

/**
 * The snapshot's files are what they were when it was taken, and this host can load them.
 * @param prove throws snapshotDamaged or incompatible
 */
export const compatibleKind = (prove: (snapshot: string, cx: Context) => Promise<void>) =>
  stepKind<CompatibleStep>({
    kind: 'compatible',
    schema,
    run: (step, cx) => prove(step.snapshot, cx),
    ...nothing,
  });
