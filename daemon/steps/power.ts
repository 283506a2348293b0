import { z } from 'zod';
import { nothing, stepKind, type Step } from '../../plugins/contract.js';
import type { Agents } from '../agent/agents.js';
import type { Fleet } from '../vmm/fleet.js';

const resume = z.object({ kind: z.literal('resume'), vm: z.string(), preconnect: z.boolean() });
export type ResumeStep = z.infer<typeof resume> & Step;

/**
 * Lets the guest run. The agent's connection is asked for in the same breath, and answered at once after: that saves a
 * trip (fact 18).
 */
export const resumeKind = (fleet: Fleet, agents: Agents) =>
  stepKind<ResumeStep>({
    kind: 'resume',
    schema: resume,
    async run(step, cx) {
      const asked = step.preconnect ? agents.of(step.vm).preconnect(cx) : undefined;
      await Promise.all([asked, fleet.api(step.vm).resume(cx)]);
    },
    ...nothing,
  });

const quiet = z.object({ kind: z.literal('quiet'), vm: z.string() });
export type QuietStep = z.infer<typeof quiet> & Step;

/** Closes the agent's connection: clones of a snapshot taken with one open never answer (fact 4). */
export const quietKind = (agents: Agents) =>
  stepKind<QuietStep>({
    kind: 'quiet',
    schema: quiet,
    run: async (step, cx) => {
      await agents.find(step.vm)?.disconnect(cx);
    },
    ...nothing,
  });

const pause = z.object({ kind: z.literal('pause'), vm: z.string(), wasRunning: z.boolean() });
export type PauseStep = z.infer<typeof pause> & Step;

/** Holds the source while it is copied; undone by letting it run again, if it did. */
export const pauseKind = (fleet: Fleet) =>
  stepKind<PauseStep>({
    kind: 'pause',
    schema: pause,
    run: (step, cx) => fleet.api(step.vm).pause(cx),
    async undo(step, cx) {
      if (step.wasRunning) await fleet.find(step.vm)?.api.resume(cx);
    },
    check: () => Promise.resolve([]),
  });

const wake = z.object({ kind: z.literal('wake'), vm: z.string(), wasRunning: z.boolean() });
export type WakeStep = z.infer<typeof wake> & Step;

/** Lets the source run on as soon as its memory is written. */
export const wakeKind = (fleet: Fleet) =>
  stepKind<WakeStep>({
    kind: 'wake',
    schema: wake,
    run: async (step, cx) => {
      if (step.wasRunning) await fleet.api(step.vm).resume(cx);
    },
    ...nothing,
  });
