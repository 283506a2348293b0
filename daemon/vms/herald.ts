import type { ThawEvent } from '../api/events.js';
import type { EventHub } from '../events/hub.js';
import type { Operation } from '../operations/operation.js';
import type { Moments } from '../plugins/moments.js';
import type { VmMoment, VmTold, Step } from '../../plugins/contract.js';
import type { Vm } from './vm.js';

type Detail = VmTold['detail'];
/** What plugins hear of, beside the question whether a VM may be made. */
type Told = Exclude<VmMoment, 'vm.preparing' | 'vm.adopted'>;

/** Tells subscribers and plugins what becomes of VMs. A slot is no VM to anybody until it has a name. */
export class Herald {
  readonly #events: EventHub;
  readonly #moments: Moments;

  constructor(parts: { events: EventHub; moments: Moments }) {
    this.#events = parts.events;
    this.#moments = parts.moments;
  }

  /** Asks the plugins whether a VM may be made. @throws vetoed, hookLate */
  async ask(vm: Vm, { id, name, cx }: Operation): Promise<void> {
    if (name === null) return;
    const facts = () => ({ vm: vm.view(), operation: id, detail: {} });
    await this.#moments.ask(name, facts, cx);
  }

  /** Tells subscribers that a VM is not as it was; plugins do not hear of it. */
  changed(type: 'vm.preparing' | 'vm.changed', vm: Vm, operation: Operation): void {
    if (operation.name === null) return;
    this.#emit(type, vm, { operation, detail: stateOf(vm, operation) });
  }

  /**
   * Tells subscribers, and plugins where they listen; what it returns is to be awaited by the change that brought it
   * about. Never rejects.
   * @param after whether the operation is past being cancelled
   */
  tell(
    type: Told,
    vm: Vm,
    { operation, detail, after = true }: { operation: Operation | null; detail?: Detail; after?: boolean },
  ): Promise<void> | undefined {
    if (operation?.name === null) return undefined;
    const all = detail ?? (operation ? stateOf(vm, operation) : {});
    this.#emit(type, vm, { operation, detail: all });
    const facts = () => ({ vm: vm.view(), operation: operation?.id ?? null, detail: all });
    if (operation === null) return this.#moments.tell(type, { of: vm.id, facts });
    const cx = after ? operation.aside(new AbortController().signal) : operation.cx;
    return this.#moments.tell(type, { of: vm.id, facts, cx });
  }

  /** Tells of a VM that was somebody else’s. */
  adopted(vm: Vm, operation: Operation): Promise<void> | undefined {
    this.#emit('vm.changed', vm, { operation, detail: { ...stateOf(vm, operation), origin: 'adopted' } });
    const facts = () => ({ vm: vm.view(), operation: operation.id, detail: {} });
    return this.#moments.tell('vm.adopted', { of: vm.id, facts });
  }

  /** Tells of what a step that is done has come to. */
  afterStep(vm: Vm, operation: Operation): (step: Step) => Promise<void> | undefined {
    return (step) => {
      if (step.kind === 'load') return this.tell('vm.loaded', vm, { operation, detail: {}, after: false });
      if (step.kind !== 'nic') return undefined;
      const { nic, tap, mac } = step;
      return this.tell('vm.attached', vm, { operation, detail: { nic, tap, mac }, after: false });
    };
  }

  #emit(
    type: ThawEvent['type'],
    vm: Vm,
    { operation, detail }: { operation: Operation | null; detail: Detail },
  ): void {
    this.#events.emit({ type, vm: vm.id, operation: operation?.id ?? null, detail });
  }
}

const stateOf = (vm: Vm, { name }: Operation): Detail => ({ name, state: vm.view().word });
