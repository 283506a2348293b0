import type { Context, Probe } from '../../plugins/contract.js';
import { Timeline } from '../api/shapes/vm.js';
import { newOperationId } from './ids.js';
import { Operation, type OperationStart, type Tags } from './operation.js';

/** How many operations that have ended can still be asked for. */
const kept = 1024;

/** What can be asked of an operation, also after its end. */
export type Known = Pick<Operation, 'id' | 'method' | 'vm' | 'name' | 'timeline'>;

/** All operations of this daemon: those under way, and the last that have ended, failed ones included. */
export class Operations {
  readonly #running = new Set<Operation>();
  /** In the order in which they ended. */
  readonly #ended = new Map<string, Known>();
  readonly #edge: Probe['edge'];
  readonly #onEnded: ((timeline: Timeline, tags: Tags) => void)[] = [];
  readonly #snapshotOf: (vm: string) => string | null;

  /**
   * @param edge injects faults around effects; tests only
   * @param snapshotOf what a VM was made from
   */
  constructor(edge?: Probe['edge'], snapshotOf: (vm: string) => string | null = () => null) {
    this.#edge = edge;
    this.#snapshotOf = snapshotOf;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Tells `listener` of every operation that ends from now on, once it is over for everybody else. */
  onEnded(listener: (timeline: Timeline, tags: Tags) => void): void {
    this.#onEnded.push(listener);
  }

  begin(start: Omit<OperationStart, 'id' | 'edge'>): Operation {
    const { snapshot = start.vm === null ? null : this.#snapshotOf(start.vm) } = start;
    const operation = new Operation({ ...start, snapshot, id: newOperationId(), edge: this.#edge });
    this.#running.add(operation);
    void operation.settled.then(() => this.#keep(operation));
    return operation;
  }

  /** A context for looks that belong to no operation and show in no timeline. */
  looking(signal: AbortSignal): Context {
    return { signal, probe: { edge: this.#edge, effect: () => undefined } };
  }

  byId(id: string): Known | undefined {
    return this.#ended.get(id) ?? [...this.#running].find((operation) => operation.id === id);
  }

  /** All that are known, oldest first. */
  all(): readonly Known[] {
    return [...this.#ended.values(), ...this.#running];
  }

  /** Those of a VM, by its id or by the name it has or had: a VM that was undone is found too. */
  of(vm: string): readonly Known[] {
    return this.all().filter((operation) => operation.vm === vm || operation.name === vm);
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
    const timeline = operation.timeline();
    this.#ended.set(operation.id, asText(timeline, operation));
    const oldest = this.#ended.keys().next();
    if (this.#ended.size > kept && oldest.done !== true) this.#ended.delete(oldest.value);
    for (const listener of this.#onEnded) listener(timeline, operation.tags);
  }
}

/** As one text in place of some hundred objects, which every garbage collection would have to walk through. */
function asText(timeline: Timeline, { id, method, vm, name }: Operation): Known {
  const text = JSON.stringify(timeline);
  return { id, method, vm, name, timeline: () => Timeline.parse(JSON.parse(text)) };
}
