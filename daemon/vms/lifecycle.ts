import { cancelled } from '../api/errors/rpc.js';
import type { ThawError } from '../api/thaw-error.js';
import type { ProcessExit } from '../effects/process.js';
import type { Agents } from '../agent/agents.js';
import type { Context, Json, Step, VmTold } from '../../plugins/contract.js';
import type { Pending, VmRecord } from '../records/vm-record.js';
import { hasNic } from '../steps/detach.js';
import type { Log } from '../log/logger.js';
import type { Fleet } from '../vmm/fleet.js';
import type { Mortal } from '../vmm/process.js';
import type { Asker } from '../operations/askers.js';
import { asThawError, type Operation, type OperationStart } from '../operations/operation.js';
import type { Operations } from '../operations/operations.js';
import type { Herald } from './herald.js';
import { perform, undoAll, undoChange, type Bench, type Change } from './transact.js';
import type { Registry } from './registry.js';
import { withoutUnplugged } from './unplugged.js';
import type { Vm } from './vm.js';

/** Operations in whose course the VMM is meant to end. */
const endings: ReadonlySet<string> = new Set(['vm.stop', 'vm.expire', 'vm.ended', 'vm.discard']);

const isEnding = (operation: Operation | null): boolean =>
  operation !== null && endings.has(operation.method);

export interface LifecycleParts {
  readonly bench: Bench;
  readonly registry: Registry;
  readonly operations: Operations;
  readonly herald: Herald;
  readonly log: Log;
  readonly fleet: Fleet;
  readonly agents: Agents;
}

/** What brings VMs into being, changes them and ends them: one operation per VM at a time, journaled, undone on failure. */
export class Lifecycle {
  readonly #parts: LifecycleParts;
  /** VMs whose VMM was seen to have ended, while they are freed. */
  readonly #burying = new Set<Vm>();
  /** VMs of which was told that they failed or have stopped: that is told once, however often their rest resists. */
  readonly #over = new WeakSet<Vm>();

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
  }

  /**
   * Makes a VM. When it fails, all of it is undone and the VM is gone, unless it is to be kept: then it stays, as
   * `failed`. Ends the operation either way.
   * @throws what the failing step threw
   */
  async make(vm: Vm, change: Change, keepOnFailure: boolean): Promise<void> {
    const { bench, herald, registry } = this.#parts;
    const { operation } = change;
    vm.claim(operation);
    registry.add(vm);
    try {
      herald.changed('vm.preparing', vm, operation);
      // Once it is recorded: whoever is asked may note it, and is told that it is gone even if we die in between.
      const written = async (): Promise<void> => {
        await change.written?.();
        await herald.ask(vm, operation);
      };
      await perform(vm, { ...change, written, after: herald.afterStep(vm, operation) }, bench);
      this.#sawRunning(vm);
      operation.mark(vm.record.confirmed ? 'ready' : 'made');
      operation.end('committed');
    } catch (thrown) {
      const error = asThawError(thrown).within(operation.id);
      const { reason, message } = error;
      this.#over.add(vm);
      await herald.tell('vm.failed', vm, { operation, detail: { reason, message } });
      if (keepOnFailure && vm.record.pending !== null) await this.#keep(vm, operation, error);
      else await this.#undone(operation, error, () => this.#free(vm, operation, { more: change.steps }));
      throw error;
    }
    if (vm.record.confirmed) await herald.tell('vm.ready', vm, { operation });
    else herald.changed('vm.changed', vm, operation);
  }

  /**
   * Changes a VM that is there; on failure what the change did is undone and the VM is as before. Claims the VM for the
   * operation, unless that was done before to decide on the change.
   * @throws what the failing step threw
   */
  async change(vm: Vm, change: Change): Promise<void> {
    const { operation } = change;
    try {
      if (vm.operation !== operation) vm.claim(operation);
    } catch (thrown) {
      throw operation.refuse(thrown);
    }
    try {
      const { bench, herald } = this.#parts;
      await perform(vm, { ...change, after: herald.afterStep(vm, operation) }, bench);
      operation.end('committed');
    } catch (thrown) {
      const error = asThawError(thrown).within(operation.id);
      // The VM may have ended meanwhile; then whoever noticed waits for us, and frees all of it.
      await this.#undone(operation, error, () => this.#undoChange(vm, change));
      throw error;
    } finally {
      this.#parts.herald.changed('vm.changed', vm, operation);
    }
  }

  /** Ends a VM and frees what it held, whatever is under way: that is aborted first, and its undo awaited. */
  async stop(vm: Vm, by: 'vm.stop' | 'vm.expire' = 'vm.stop', asker?: Asker): Promise<void> {
    while (vm.operation) {
      const busy = vm.operation;
      if (!isEnding(busy)) busy.abort(cancelled({ by }));
      await busy.settled;
    }
    if (this.#parts.registry.byId(vm.id) !== vm) return;
    await this.#remove(vm, { method: by, asker }, by === 'vm.stop' ? {} : { expired: true });
  }

  /** The VMM of this VM has ended. Where nobody asked it to, all that the VM held is freed. */
  async ended(vm: Vm, how: { process: Mortal; exit: ProcessExit }): Promise<void> {
    vm.sawProcess({ is: 'ended', at: Date.now(), exit: how.exit });
    this.#burying.add(vm);
    try {
      await this.#bury(vm, how);
    } finally {
      this.#burying.delete(vm);
    }
  }

  /** Whether the end of its VMM was seen and somebody is about to free it. */
  burying(vm: Vm): boolean {
    return this.#burying.has(vm);
  }

  async #bury(vm: Vm, { process, exit }: { process: Mortal; exit: ProcessExit }): Promise<void> {
    if (isEnding(vm.operation)) return;
    const died = await process.obituary(vm.operation?.step ?? vm.operation?.method ?? 'its life');
    // What began while the log was read, or after another, ends too.
    while (vm.operation && !isEnding(vm.operation)) {
      vm.operation.abort(died);
      await vm.operation.settled;
    }
    // What made it has undone it, or keeps it to be looked at.
    if (this.#parts.registry.byId(vm.id) !== vm || vm.record.kept || vm.operation) return;
    const { name, snapshot } = vm.record;
    this.#parts.log.warn({ vm: vm.id, name, snapshot, err: died }, 'a VMM has ended by itself');
    await this.#remove(
      vm,
      { method: 'vm.ended' },
      { exit: { ...exit }, log: died.detail['log'] as Json, reason: died.reason },
    );
  }

  /** Frees a VM that another daemon has left unfinished, or whose VMM has ended meanwhile. */
  async discard(vm: Vm): Promise<void> {
    if (vm.record.pending?.makes === true) this.#over.add(vm);
    await this.#remove(vm, { method: 'vm.discard' }, { exit: null });
  }

  /** Undoes the change in whose middle another daemon has left a VM; the VM goes on. */
  async undoLeft(vm: Vm): Promise<void> {
    const { operations } = this.#parts;
    const { pending } = vm.record;
    if (pending === null) return;
    const operation = operations.begin({ method: `undo ${pending.method}`, vm: vm.id, name: vm.name });
    vm.claim(operation);
    try {
      const undone: Change['undone'] = (_left, cx) => this.#stillPlugged(vm, pending, cx);
      await this.#undoChange(vm, { operation, steps: pending.steps, undone });
      operation.end('committed');
    } catch (thrown) {
      throw operation.refuse(thrown);
    }
  }

  /** After a detach that another daemon began: where the NIC is still in the VMM, nothing was unplugged. */
  async #stillPlugged(vm: Vm, { steps, everUnplugged }: Pending, cx: Context): Promise<Partial<VmRecord>> {
    const nic = steps.find(({ kind }) => kind === 'unplug')?.['nic'];
    const { fleet } = this.#parts;
    if (everUnplugged === undefined || typeof nic !== 'string' || !fleet.find(vm.id)) return {};
    return (await hasNic(fleet, { vm: vm.id, nic }, cx)) ? { everUnplugged } : {};
  }

  async #undoChange(vm: Vm, change: Parameters<typeof undoChange>[1]): Promise<void> {
    const { bench, fleet } = this.#parts;
    const { steps } = change;
    const undone: Change['undone'] = async (left, cx) => ({
      ...(await change.undone?.(left, cx)),
      ...(await withoutUnplugged(vm.record, { steps, left, fleet }, cx)),
    });
    await undoChange(vm, { ...change, undone }, bench);
  }

  async #remove(
    vm: Vm,
    why: Pick<OperationStart, 'method' | 'asker'>,
    detail: VmTold['detail'],
  ): Promise<void> {
    const { operations, herald } = this.#parts;
    const operation = operations.begin({ ...why, vm: vm.id, name: vm.record.name });
    vm.claim(operation);
    herald.changed('vm.changed', vm, operation);
    const stopped = async (): Promise<void> => {
      if (this.#over.has(vm)) return;
      this.#over.add(vm);
      await herald.tell('vm.stopped', vm, { operation, detail: { name: operation.name, ...detail } });
    };
    try {
      await this.#free(vm, operation, { more: [], stopped });
      operation.end('committed');
    } catch (thrown) {
      const error = asThawError(thrown).within(operation.id);
      operation.end('failed', error);
      throw error;
    }
  }

  /** Undoes; what resists is logged and left to the record, the first cause stays the error. */
  async #undone(operation: Operation, error: ThawError, undo: () => Promise<void>): Promise<void> {
    try {
      await undo();
      operation.end('undone', error);
    } catch (undoError) {
      this.#parts.log.error({ ...operation.tags, err: undoError }, 'not all could be undone');
      operation.end('failed', error);
    }
  }

  /** @param stopped called once the VMM has ended */
  async #free(
    vm: Vm,
    operation: Operation,
    { more, stopped }: { more: readonly Step[]; stopped?: () => Promise<void> },
  ): Promise<void> {
    const { bench, registry, agents, fleet, herald } = this.#parts;
    const aside = operation.aside(new AbortController().signal);
    // Before its VMM ends: what was begun is finished, by the next daemon if need be. A full disk must not keep us from it.
    await vm.write({ removing: true }, bench.records, aside).catch(() => undefined);
    await agents.close(vm.id);
    // First of all: what else is undone is then in nobody's use, and NICs need no unplugging.
    await operation.during('end', 'undo', () => fleet.end({ vm: vm.id, dir: vm.dir }, aside));
    await stopped?.();
    await undoAll(vm, { operation, more }, bench);
    fleet.forget(vm.id);
    registry.remove(vm);
    await herald.tell('vm.removed', vm, { operation });
  }

  async #keep(vm: Vm, operation: Operation, error: ThawError): Promise<void> {
    const { bench } = this.#parts;
    this.#sawProcess(vm);
    const steps = [...vm.record.steps, ...(vm.record.pending?.steps ?? [])];
    const kept = { reason: `${error.reason}: ${error.message}`, at: Date.now() };
    await this.#undone(operation, error, async () => {
      await vm.write(
        { steps, pending: null, kept },
        bench.records,
        operation.aside(new AbortController().signal),
      );
    });
  }

  #sawProcess(vm: Vm): void {
    const identity = this.#parts.fleet.identity(vm.id);
    if (identity) vm.sawProcess({ is: 'alive', at: Date.now(), ...identity });
  }

  #sawRunning(vm: Vm): void {
    this.#sawProcess(vm);
    if (vm.record.name !== null) vm.sawPower('running');
  }
}
