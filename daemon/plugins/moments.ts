import { hookLate, vetoed } from '../api/errors/host.js';
import { deadlineExceeded } from '../api/errors/rpc.js';
import { hookCall } from '../effects/hook-call.js';
import {
  within,
  type Context,
  type Hook,
  type LifecycleHooks,
  type Moment,
  type Present,
  type SnapshotMoment,
  type SnapshotTold,
  type VmTold,
} from '../../plugins/contract.js';
import { orAbandon } from './abandon.js';
import type { HostParts } from './start.js';

/** Milliseconds for a call, where a plugin does not say. */
const usualDeadline = 2_000;
const usualOrder = 50;

type ToldOf<M extends Moment> = M extends SnapshotMoment ? SnapshotTold : VmTold;
/** What is told, but for when: made only where somebody listens. */
type Facts<M extends Moment> = () => Omit<ToldOf<M>, 'at'>;

type Call = (signal: AbortSignal) => unknown;

export interface Listener {
  readonly plugin: string;
  readonly given: LifecycleHooks;
}

const deadlineOf = (given: LifecycleHooks): number => given.deadline ?? usualDeadline;

/** Nothing cancels what has happened already, and no timeline shows what no operation has brought about. */
const apart: Context = { signal: new AbortController().signal, probe: { effect: () => undefined } };

/** Tells plugins of what happens to VMs and snapshots: in order, each for no longer than its deadline. */
export class Moments {
  readonly #listeners: readonly Listener[];
  readonly #log: HostParts['log'];
  /** What is being told, by VM or snapshot: the next waits for it. */
  readonly #telling = new Map<string, Promise<void>>();

  constructor(listeners: readonly Listener[], log: HostParts['log']) {
    const order = ({ given }: Listener): number => given.order ?? usualOrder;
    this.#listeners = [...listeners].sort((a, b) => order(a) - order(b) || (a.plugin < b.plugin ? -1 : 1));
    this.#log = log;
  }

  /** Asks whether a VM may be made. @throws vetoed, hookLate, and the signal's reason */
  async ask(vm: string, facts: Facts<'vm.preparing'>, cx: Context): Promise<void> {
    const listeners = this.#of('vm.preparing');
    if (listeners.length === 0) return;
    const told = { at: Date.now(), ...facts() };
    for (const listener of listeners) {
      const { plugin, given } = listener;
      try {
        const call: Call = (signal) => given.hooks['vm.preparing']?.(told, { signal });
        await bounded(listener, { what: 'vm.preparing', call }, cx);
      } catch (error) {
        cx.signal.throwIfAborted();
        // Who does not answer has not allowed it.
        if (deadlineExceeded.is(error)) throw hookLate({ plugin, vm, milliseconds: deadlineOf(given) });
        const why = error instanceof Error ? error.message : String(error);
        throw vetoed({ plugin, vm, why }, { cause: error });
      }
    }
  }

  /**
   * Tells of a moment, after what is being told of the same VM or snapshot; done when all have had their turn. Never
   * rejects: what fails or is late is logged.
   * @param of the id of the VM or snapshot
   */
  tell<M extends Exclude<Moment, 'vm.preparing'>>(
    moment: M,
    { of, facts, cx = apart }: { of: string; facts: Facts<M>; cx?: Context },
  ): Promise<void> | undefined {
    const listeners = this.#of(moment);
    if (listeners.length === 0) return undefined;
    const told = { at: Date.now(), ...facts() };
    const before = this.#telling.get(of) ?? Promise.resolve();
    const telling = before.then(async () => {
      for (const listener of listeners) {
        const hook = listener.given.hooks[moment] as Hook<unknown>;
        const call: Call = (signal) => hook(told, { signal });
        await this.#call({ listener, what: moment, about: of }, call, cx);
      }
    });
    this.#telling.set(of, telling);
    void telling.then(() => this.#telling.get(of) === telling && this.#telling.delete(of));
    return telling;
  }

  /** Tells all that listen what is there. Never rejects. */
  async synchronize(present: () => Present): Promise<void> {
    await this.idle();
    for (const listener of this.#listeners) {
      if (!listener.given.synchronize) continue;
      const call: Call = (signal) => listener.given.synchronize?.(present(), { signal });
      await this.#call({ listener, what: 'synchronize', about: 'all' }, call, apart);
    }
  }

  /** Waits until nothing is being told. */
  async idle(): Promise<void> {
    while (this.#telling.size > 0) await Promise.all(this.#telling.values());
  }

  #of(moment: Moment): readonly Listener[] {
    return this.#listeners.filter(({ given }) => given.hooks[moment] !== undefined);
  }

  /** One call that nothing depends on: whatever becomes of it, who is at fault is logged by name. */
  async #call(
    of: { listener: Listener; what: string; about: string },
    call: Call,
    cx: Context,
  ): Promise<void> {
    const { listener, what, about } = of;
    try {
      await bounded(listener, { what, call }, cx);
    } catch (thrown) {
      // Who was interrupted is not at fault.
      if (cx.signal.aborted) return;
      const { plugin } = listener;
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      this.#log('warn', `the plugin ${plugin} failed at ${what}`, { plugin, what, of: about, error: why });
    }
  }
}

/** Calls a plugin and waits no longer than it may take; what it gives or throws later is nobody's. */
function bounded(
  { plugin, given }: Listener,
  { what, call }: { what: string; call: Call },
  cx: Context,
): Promise<void> {
  const limit = { what: `${what} of the plugin ${plugin}`, milliseconds: deadlineOf(given) };
  return within(cx, limit, (inner) =>
    orAbandon(
      hookCall(() => call(inner.signal), inner),
      inner.signal,
    ),
  );
}
