import { z } from 'zod';
import {
  nothing,
  stepKind,
  within,
  type Context,
  type Json,
  type Step,
  type StepKinds,
} from '../../plugins/contract.js';
import type { Agents } from '../agent/agents.js';
import type { Fleet } from '../vmm/fleet.js';

const letGo = z.object({
  kind: z.literal('let-go'),
  vm: z.string(),
  nic: z.string(),
  mac: z.string(),
  timeout: z.int(),
  /** The `update` step that gives it back to the guest. */
  back: z.json().optional(),
});
export type LetGoStep = z.infer<typeof letGo> & Step;

/**
 * The guest takes the device out of its bus first: without that its kernel may hang at the next rescan (fact 2). Undone,
 * it finds the device again, where that was not unplugged.
 */
export const letGoKind = ({
  agents,
  fleet,
  kinds,
}: {
  agents: Agents;
  fleet: Fleet;
  kinds: () => StepKinds;
}) =>
  stepKind<LetGoStep>({
    ...nothing,
    kind: 'let-go',
    schema: letGo,
    run: (step, cx) =>
      within(cx, { what: 'the guest’s letting go', milliseconds: step.timeout }, (inner) =>
        agents.of(step.vm).prepareDetach(step.mac, inner),
      ),
    async undo(step, cx) {
      const { back } = step;
      if (back === undefined || !fleet.find(step.vm) || !(await hasNic(fleet, step, cx))) return;
      // A guest that does not hear has most likely not let go either; whether it is well is for its health to say.
      await kinds()
        ['update']?.run(back as Json as Step, cx)
        .catch(() => cx.signal.throwIfAborted());
    },
  });

const unplug = z.object({ kind: z.literal('unplug'), vm: z.string(), nic: z.string() });
export type UnplugStep = z.infer<typeof unplug> & Step;

/** Takes the NIC out of the VMM. There is no way back: another one would be dead (fact 3). */
export const unplugKind = (fleet: Fleet) =>
  stepKind<UnplugStep>({
    kind: 'unplug',
    schema: unplug,
    async run(step, cx) {
      if (await hasNic(fleet, step, cx)) await fleet.api(step.vm).deleteNic(step.nic, cx);
    },
    ...nothing,
  });

const free = z.object({ kind: z.literal('free'), vm: z.string(), nic: z.string(), steps: z.array(z.json()) });
export type FreeStep = z.infer<typeof free> & Step;

/** Whether the VMM has a NIC. @throws vmEnded */
export async function hasNic(
  fleet: Fleet,
  { vm, nic }: { vm: string; nic: string },
  cx: Context,
): Promise<boolean> {
  const { 'network-interfaces': nics } = await fleet.api(vm).config(cx);
  return nics.some(({ iface_id }) => iface_id === nic);
}

/**
 * Undoes steps that the VM holds no longer: a detached NIC's rules, tap and lease, last made first. There is no way
 * back from an unplug, so one that was broken off after it is finished, not undone.
 */
export const freeKind = (fleet: Fleet, kinds: () => StepKinds) => {
  const run = async (step: FreeStep, cx: Context): Promise<void> => {
    for (const held of [...step.steps].reverse()) {
      const one = held as Json as Step;
      await kinds()[one.kind]?.undo(one, cx);
    }
  };
  return stepKind<FreeStep>({
    ...nothing,
    kind: 'free',
    schema: free,
    run,
    async undo(step, cx) {
      // All of a VM that has ended is undone by its own steps.
      if (fleet.find(step.vm) && !(await hasNic(fleet, step, cx))) await run(step, cx);
    },
  });
};
