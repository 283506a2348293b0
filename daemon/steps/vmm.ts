import { z } from 'zod';
import { stepKind, type Fabric, type Step } from '../../plugins/contract.js';
import type { Fleet } from '../vmm/fleet.js';

const schema = z.object({
  kind: z.literal('vmm'),
  vm: z.string(),
  dir: z.string(),
  pci: z.boolean(),
  /** In the network namespace that the VM's step `netns` has made; left out for the daemon's own. */
  netns: z.literal('own').optional(),
});
export type VmmStep = z.infer<typeof schema> & Step;

/** The VM's Firecracker: started with its folder as working directory, so that every path in it can be relative. */
export const vmmKind = (fleet: Fleet, fabric: Pick<Fabric, 'inside'>) =>
  stepKind<VmmStep>({
    kind: 'vmm',
    schema,
    run: async (step, cx) => {
      const within =
        step.netns === undefined ? undefined : <T>(work: () => T): T => fabric.inside(step.vm, work);
      const { pid } = await fleet.launch({ ...step, within }, cx);
      return { pid };
    },
    undo: (step, cx) => fleet.end(step, cx),
    async check(step, cx) {
      if (await fleet.answers(step.vm, cx)) return [];
      return [{ what: `VMM of ${step.vm}`, problem: 'it does not answer', remedy: 'Stop the VM' }];
    },
  });
