import { tapNotReady } from '../../../daemon/api/errors/network.js';
import type { Context, StepKind } from '../../contract.js';
import { addRules, missingRules, removeRules, type Table } from '../effects/elements.js';
import { guestElements } from '../guest-elements.js';
import { FilterStep } from '../steps.js';

/** Makes the tables again, and what VMs have in them. */
export type Mend = (cx: Context) => Promise<unknown>;

export interface FilterTools {
  readonly table: Table;
  /** The steps that hold, by the tap's name. */
  readonly held: Map<string, FilterStep>;
  /** Taps whose rules were made together with those of others, a moment ago. */
  readonly ruled: Set<string>;
  /** Makes the tables again. */
  readonly mend: Mend;
}

/** What may come out of a tap: its own MAC, its own addresses. */
export function filterKind({ table, held, ruled, mend }: FilterTools): StepKind<FilterStep> {
  return {
    kind: 'filter',
    schema: FilterStep,
    adopt: (step) => {
      held.set(step.tap, step);
    },
    run: async (step, cx) => {
      const changes = guestElements([step]);
      if (ruled.delete(step.tap) || (await addRules({ table, changes }, cx))) {
        held.set(step.tap, step);
        return;
      }
      // Somebody flushed the host's rules: without the tables no guest is kept in its place.
      await mend(cx);
      if (!(await addRules({ table, changes }, cx)))
        throw tapNotReady({ tap: step.tap, why: 'the table "bridge thaw" keeps vanishing' });
      held.set(step.tap, step);
    },
    undo: async (step, cx) => {
      held.delete(step.tap);
      ruled.delete(step.tap);
      await removeRules({ table, changes: guestElements([step]) }, cx);
    },
    check: async (step, cx) => {
      const missing = await missingRules({ table, changes: guestElements([step]) }, cx);
      return missing.length === 0
        ? []
        : [
            {
              what: `rules of ${step.tap}`,
              problem: `its elements are missing in ${missing.join(', ')} of the table "bridge thaw"`,
              remedy:
                'Restart thawd, or restore any VM: both make them again; find out who flushed the host’s rules',
            },
          ];
    },
  };
}
