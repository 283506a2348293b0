import { undoFailed } from '../api/errors/vm.js';
import { asThawError, type Operation } from '../operations/operation.js';
import { kindOf, runSteps, stepLabel, undoSteps, type Answers } from '../operations/run-steps.js';
import type { Records } from '../records/records.js';
import type { VmRecord } from '../records/vm-record.js';
import type { Context, Step, StepKinds } from '../../plugins/contract.js';
import type { Vm } from './vm.js';

/** What every change of a VM needs. */
export interface Bench {
  readonly records: Records;
  readonly kinds: StepKinds;
}

/** A change: the steps, and what the record says once they are done. */
export interface Change {
  readonly operation: Operation;
  readonly steps: readonly Step[];
  /** True where the VM comes into being by it. */
  readonly makes: boolean;
  /** More to write with the plan, before the first step: a name, a mark that an unplug is coming. */
  readonly before?: Partial<VmRecord>;
  /** Awaited once the plan is written, before its first step: to do for several changes at once what they have in common. */
  readonly written?: () => Promise<void>;
  /** Called after each step; the next waits for what it returns. */
  readonly after?: (step: Step) => Promise<void> | undefined;
  /** Makes the rest of the plan from what the steps have found out; written before it runs, as the first part was. */
  readonly next?: (
    cx: Context,
  ) => Promise<{ readonly steps: readonly Step[]; readonly before: Partial<VmRecord> }>;
  /** Called when all steps are done. What it returns is written, and with that the change is committed. */
  readonly commit: (answers: Answers) => Partial<VmRecord>;
  /**
   * Called once the steps of a change that failed are undone, as far as they could be (`left` resist), while the VM is
   * still held: looks at what became of it, and returns what the record says then if not what it said with the plan.
   */
  readonly undone?: (left: readonly Step[], cx: Context) => Partial<VmRecord> | Promise<Partial<VmRecord>>;
}

const never = new AbortController().signal;

/**
 * Runs the steps of a change, journaled: the record names them before the first runs, and is cleared of them when the
 * change is committed or undone. The caller ends the operation.
 * @throws what the failing step threw, the operation named in it; the steps are then NOT yet undone
 */
export async function perform(vm: Vm, change: Change, { records, kinds }: Bench): Promise<void> {
  const { operation, steps, after } = change;
  try {
    const pending = {
      operation: operation.id,
      method: operation.method,
      startedAt: Date.now(),
      steps: [...steps],
      makes: change.makes,
      ...(change.before?.everUnplugged && { everUnplugged: vm.record.everUnplugged }),
    };
    await vm.write({ ...change.before, pending }, records, operation.cx);
    await change.written?.();
    let answers = await runSteps(operation, steps, { kinds, after });
    if (change.next) {
      const next = await change.next(operation.cx);
      await vm.write(
        { ...next.before, pending: { ...pending, steps: [...steps, ...next.steps] } },
        records,
        operation.cx,
      );
      answers = new Map([...answers, ...(await runSteps(operation, next.steps, { kinds, after }))]);
    }
    // Committing is not cancelled any more: what is written here is what happened.
    await vm.write({ ...change.commit(answers), pending: null }, records, operation.aside(never));
  } catch (error) {
    throw asThawError(operation.cx.signal.aborted ? operation.cx.signal.reason : error).within(operation.id);
  }
}

/**
 * Undoes a change that failed. Its steps are named once more: where the record could not be written, it has none.
 * @throws undoFailed where a step resists; the record keeps those steps, so that it can be tried again
 */
export async function undoChange(
  vm: Vm,
  change: Pick<Change, 'operation' | 'steps' | 'undone'>,
  bench: Bench,
): Promise<void> {
  const aside = change.operation.aside(never);
  // Written before the unplug, by whichever daemon undoes it: where nothing is in the VMM yet, nothing is lost.
  if (!vm.record.everUnplugged && (await unplugsAny(change.steps, bench, aside)))
    await vm.write({ everUnplugged: true }, bench.records, aside);
  const failures = await undo(change.steps, change.operation, bench);
  const left = failures.map(({ step }) => step);
  const more = await change.undone?.(left, aside);
  const { pending } = vm.record;
  if (pending !== null) {
    const rest = failures.length === 0 ? null : { ...pending, steps: left };
    await vm.write({ ...more, pending: rest }, bench.records, aside);
  }
  if (failures.length === 0) return;
  throw undoFailed({ vm: vm.name, steps: left.map(stepLabel) }, { cause: failures[0]?.error });
}

/**
 * Undoes all that a VM holds, and `more` that its record may not name. Afterwards its record is gone.
 * @throws undoFailed where a step resists; the record then says what is left, and `removing`
 */
export async function undoAll(
  vm: Vm,
  { operation, more }: { operation: Operation; more: readonly Step[] },
  bench: Bench,
): Promise<void> {
  const aside = operation.aside(never);
  const pending = vm.record.pending?.steps ?? more;
  const failures = await undo([...vm.record.steps, ...pending], operation, bench);
  if (failures.length === 0) return bench.records.remove(vm.id, aside);
  const left = failures.map(({ step }) => step);
  await vm.write({ steps: left, pending: null }, bench.records, aside);
  throw undoFailed({ vm: vm.name, steps: left.map(stepLabel) }, { cause: failures[0]?.error });
}

/** Whether undoing these steps would unplug something; where that can't be seen, it may. */
async function unplugsAny(steps: readonly Step[], { kinds }: Bench, cx: Context): Promise<boolean> {
  for (const step of steps) {
    const asked = kindOf(kinds, step).unplugs?.(step, cx);
    if (asked && (await asked.catch(() => true))) return true;
  }
  return false;
}

function undo(steps: readonly Step[], operation: Operation, { kinds }: Bench): ReturnType<typeof undoSteps> {
  return undoSteps(steps, kinds, {
    aside: operation.aside(never),
    during: (label, fn) => operation.during(label, 'undo', fn),
  });
}
