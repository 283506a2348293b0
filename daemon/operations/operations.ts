import type { Probe } from '../../plugins/contract.js';
import { newOperationId } from './ids.js';
import { Operation, type OperationStart } from './operation.js';

/** How many operations that have ended can still be asked for. */
const kept = 1024;

/** All operations of this daemon: those under way, and the last that have ended, failed ones included. */
export class Operations {
  readonly #running = new Set<Operation>();
  /** In the order in which they ended. */
  readonly #ended = new Map<string, Operation>();
  readonly #edge: Probe['edge'];

  /** @param edge injects faults around effects; tests only */
  constructor(edge?: Probe['edge']) {
    this.#edge = edge;
  }

  get running(): number {
    return this.#running.size;
  }

  begin(start: Omit<OperationStart, 'id' | 'edge'>): Operation {
    const operation = new Operation({ ...start, id: newOperationId(), edge: this.#edge });
    this.#running.add(operation);
    void operation.settled.then(() => this.#keep(operation));
    return operation;
  }

  byId(id: string): Operation | undefined {
    return this.#ended.get(id) ?? [...this.#running].find((operation) => operation.id === id);
  }

  /** The operations of a VM, oldest first. */
  byVm(vm: string): readonly Operation[] {
    return [...this.#ended.values(), ...this.#running].filter((operation) => operation.vm === vm);
  }

  /** The operations of a VM of this name, whether it exists or not: a failed restore's too. */
  byName(name: string): readonly Operation[] {
    return [...this.#ended.values(), ...this.#running].filter((operation) => operation.name === name);
  }

  /** Waits until none is under way. */
  async idle(): Promise<void> {
    while (this.#running.size > 0)
      await Promise.all([...this.#running].map((operation) => operation.settled));
  }

  /** The running ones, to abort them at shutdown. */
  under(): readonly Operation[] {
    return [...this.#running];
  }

  #keep(operation: Operation): void {
    this.#running.delete(operation);
    this.#ended.set(operation.id, operation);
    const oldest = this.#ended.keys().next();
    if (this.#ended.size > kept && oldest.done !== true) this.#ended.delete(oldest.value);
  }
}
