import { internal } from '../api/errors/rpc.js';
import {
  within,
  type Context,
  type Json,
  type Step,
  type StepKind,
  type StepKinds,
} from '../../plugins/contract.js';
import type { Operation } from './operation.js';

/** Milliseconds for the undo of one step; it can't be cancelled, so it must be bounded. */
const undoDeadline = 20_000;

/** How a step is called in timelines and progress. */
export function stepLabel(step: Step): string {
  return typeof step['nic'] === 'string' ? `${step.kind} ${step['nic']}` : step.kind;
}

/** The kind of a step. @throws internal: plans are made of known kinds only */
export function kindOf(kinds: StepKinds, step: Step): StepKind {
  const kind = kinds[step.kind];
  if (kind === undefined) throw internal({ what: `no step kind ${step.kind}` });
  return kind;
}

/** What steps answered, by label; a step that answers nothing is not in it. */
export type Answers = ReadonlyMap<string, Json>;

/**
 * Runs the steps in order. Ends at the first that fails, or when the operation is aborted; undoes nothing.
 * @param after called after each step; the next waits for what it returns
 */
export async function runSteps(
  operation: Operation,
  steps: readonly Step[],
  { kinds, after }: { kinds: StepKinds; after?: ((step: Step) => Promise<void> | undefined) | undefined },
): Promise<Answers> {
  const answers = new Map<string, Json>();
  for (const step of steps) {
    operation.cx.signal.throwIfAborted();
    const label = stepLabel(step);
    const answer = await operation.during(label, 'step', () => kindOf(kinds, step).run(step, operation.cx));
    if (answer !== undefined) answers.set(label, answer);
    const told = after?.(step);
    if (told) await told;
  }
  return answers;
}

/** A step whose undo failed, and why. */
export interface UndoFailure {
  readonly step: Step;
  readonly error: unknown;
}

/**
 * Undoes the steps, last first. One that fails stops none of the others; what could not be undone comes back in the
 * order of the plan, for the record, so that it is tried again.
 * @param aside makes the context in which one undo runs: never the signal of what was cancelled
 */
export async function undoSteps(
  steps: readonly Step[],
  kinds: StepKinds,
  how: { aside: Context; during: (label: string, fn: () => Promise<void>) => Promise<void> },
): Promise<readonly UndoFailure[]> {
  const failures: UndoFailure[] = [];
  for (const step of [...steps].reverse()) {
    const label = stepLabel(step);
    const limit = { what: `undoing ${label}`, milliseconds: undoDeadline };
    try {
      await how.during(label, () => within(how.aside, limit, (cx) => kindOf(kinds, step).undo(step, cx)));
    } catch (error) {
      failures.unshift({ step, error });
    }
  }
  return failures;
}
