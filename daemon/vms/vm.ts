import { join } from 'node:path';
import { vmBusy } from '../api/errors/vm.js';
import type { PowerState, ProcessState, Vm as VmView } from '../api/shapes/vm.js';
import type { Operation } from '../operations/operation.js';
import type { Records } from '../records/records.js';
import type { VmRecord } from '../records/vm-record.js';
import { Turns } from '../vmm/turns.js';
import type { Context } from '../../plugins/contract.js';
import { stateOf, type Observed } from './state.js';

/** One VM of ours while this daemon lives: its record, what was last seen of it, and who works on it. */
export class Vm {
  /** The VM's folder; of an adopted one its VMM's working directory: where relative paths lead. */
  readonly dir: string;
  #record: VmRecord;
  #observed: Observed;
  #operation: Operation | null = null;
  #claims = 0;
  /** One after the other: each builds on what the one before has written. */
  readonly #writes = new Turns();
  readonly #onClaim = new Set<() => void>();

  constructor(record: VmRecord, runDir: string) {
    this.#record = record;
    this.dir = record.adopted?.cwd ?? join(runDir, 'vms', record.id);
    const at = Date.now();
    this.#observed = { process: { is: 'starting', at }, power: { is: 'unknown', at }, degraded: null };
  }

  get id(): VmRecord['id'] {
    return this.#record.id;
  }

  /** Its name, or its id while it has none. */
  get name(): string {
    return this.#record.name ?? this.#record.id;
  }

  get record(): VmRecord {
    return this.#record;
  }

  get observed(): Observed {
    return this.#observed;
  }

  get operation(): Operation | null {
    return this.#operation;
  }

  /** How many operations have begun to work on it: where it has grown, what was seen before means nothing any more. */
  get claims(): number {
    return this.#claims;
  }

  /** Replaces the record, on disk first: what memory says is never ahead of what the next daemon will read. */
  async write(change: Partial<VmRecord>, records: Records, cx: Context): Promise<void> {
    await this.#writes.take(cx.signal, async () => {
      const next = { ...this.#record, ...change };
      await records.write(next, cx);
      this.#record = next;
    });
  }

  sawProcess(process: ProcessState): void {
    this.#observed = { ...this.#observed, process };
  }

  sawPower(is: PowerState['is']): void {
    this.#observed = { ...this.#observed, power: { is, at: Date.now() } };
  }

  /** Notes why a ready VM is so no more, or with null that it is again. */
  sawFault(fault: { reason: string; remedy: string } | null): void {
    this.#observed = { ...this.#observed, degraded: fault && { ...fault, at: Date.now() } };
  }

  /**
   * Makes `operation` the one that works on this VM, until it has settled.
   * @throws vmBusy where there is one already
   */
  claim(operation: Operation): void {
    this.assertFree();
    this.#operation = operation;
    this.#claims += 1;
    for (const listener of this.#onClaim) listener();
    void operation.settled.then(() => (this.#operation = null));
  }

  /** Calls back when an operation begins to work on it; returns how to stop that. */
  onClaim(listener: () => void): () => void {
    this.#onClaim.add(listener);
    return () => this.#onClaim.delete(listener);
  }

  /** @throws vmBusy where an operation is under way */
  assertFree(): void {
    const busy = this.#operation;
    if (busy) throw vmBusy({ vm: this.name, method: busy.method, by: busy.id });
  }

  view(): VmView {
    const { operation } = this;
    return stateOf({
      record: this.#record,
      observed: this.#observed,
      operation: operation && { id: operation.id, method: operation.method, step: operation.step },
      dir: this.dir,
    });
  }
}
