import type { StepKind } from '../../contract.js';
import { lookAtTap, type Route } from '../effects/route.js';
import { createTap, removeTap } from '../effects/tap.js';
import type { LinkRemover } from '../effects/remover.js';
import { TapStep } from '../steps.js';
import { tapDifferences } from '../tap-state.js';

export interface TapTools {
  readonly route: Route;
  readonly remover: LinkRemover;
  /** The steps that hold, by the tap's name. */
  readonly held: Map<string, TapStep>;
}

/** A tap in its network's bridge. */
export function tapKind({ route, remover, held }: TapTools): StepKind<TapStep> {
  return {
    kind: 'tap',
    schema: TapStep,
    adopt: (step) => {
      held.set(step.name, step);
    },
    run: async (step, cx) => {
      await createTap({ ...step, route }, cx);
      held.set(step.name, step);
    },
    undo: async (step, cx) => {
      await removeTap({ route, remover, name: step.name, vm: step.vm }, cx);
      held.delete(step.name);
    },
    check: async (step, cx) => {
      return tapDifferences(step, await lookAtTap({ ...step, route }, cx));
    },
  };
}
