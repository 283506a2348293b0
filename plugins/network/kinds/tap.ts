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
  /** Those that were made together with others, a moment ago. */
  readonly made: Set<string>;
}

/** A tap in its network's bridge. */
export function tapKind({ route, remover, held, made }: TapTools): StepKind<TapStep> {
  return {
    kind: 'tap',
    schema: TapStep,
    adopt: (step) => {
      held.set(step.name, step);
    },
    run: async (step, cx) => {
      if (!made.delete(step.name)) await createTap({ ...step, route }, cx);
      held.set(step.name, step);
    },
    undo: async (step, cx) => {
      made.delete(step.name);
      await removeTap({ route, remover, name: step.name, vm: step.vm }, cx);
      held.delete(step.name);
    },
    check: async (step, cx) => {
      return tapDifferences(step, await lookAtTap({ ...step, route }, cx));
    },
  };
}
