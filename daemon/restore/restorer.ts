import { isDeepStrictEqual } from 'node:util';
import type { Agents } from '../agent/agents.js';
import type { EventHub } from '../events/hub.js';
import { newMachineId, newVmId } from '../operations/ids.js';
import type { Operation } from '../operations/operation.js';
import type { Operations } from '../operations/operations.js';
import type { Answers } from '../operations/run-steps.js';
import { emptyRecord, grantedAs, inherited } from '../records/make.js';
import type { VmRecord } from '../records/vm-record.js';
import type { Fleet } from '../vmm/fleet.js';
import { Claims } from '../vms/claims.js';
import { pluggedIn, updateAnswer } from '../vms/confirmed.js';
import type { Lifecycle } from '../vms/lifecycle.js';
import type { Registry } from '../vms/registry.js';
import { Vm } from '../vms/vm.js';
import type { Fabric, Grant, SnapshotStore, Step, StrategyPlan } from '../../plugins/contract.js';
import { cloneName } from './clone-names.js';
import { strategyPlan, type Order } from './order.js';
import { planRestore } from './plan.js';
import type { Slot, SlotPool } from './slots.js';

export interface RestorerParts {
  readonly runDir: string;
  readonly store: SnapshotStore;
  readonly fabric: Fabric;
  readonly fleet: Fleet;
  readonly agents: Agents;
  readonly registry: Registry;
  readonly operations: Operations;
  readonly lifecycle: Lifecycle;
  readonly slots: SlotPool;
  readonly events: EventHub;
  /** Parts of the guest's update without which a clone is not ready. */
  readonly needs: readonly string[];
}

/** What a clone is about to be made from. */
interface Prepared {
  readonly vm: Vm;
  readonly operation: Operation;
  readonly grants: readonly Grant[];
  readonly sides: StrategyPlan['guest'];
  readonly machineId: string;
  readonly steps: readonly Step[];
}

/** The drives of a snapshot that lie outside of it. */
const sharedDrives = (manifest: Order['manifest']) =>
  manifest.drives.filter((drive) => drive.file.startsWith('/'));

/** Restores clones: each by itself, whole or not at all. */
export class Restorer {
  readonly #parts: RestorerParts;

  constructor(parts: RestorerParts) {
    this.#parts = parts;
  }

  /**
   * Restores one clone of an order; `name` null has one made.
   * @throws what its failing step threw; unless `keepOnFailure`, nothing of it is left then
   */
  async restore(order: Order, name: string | null): Promise<Vm> {
    const prepared = this.#prepare(order, name);
    const { vm, operation, grants, sides, machineId, steps } = prepared;
    const { agents, lifecycle, slots } = this.#parts;
    agents.open({ vm: vm.id, dir: vm.dir, vsock: order.manifest.vsock, agent: order.manifest.agent });
    const before: Partial<VmRecord> = {
      ...inherited(order.manifest),
      name: operation.name as VmRecord['name'],
      createdAt: Date.now(),
      strategy: order.strategy.name,
      machineId,
      labels: { ...order.labels },
      attachments: grants.map((grant) => grantedAs(grant, sides)),
      everHadNic: order.manifest.nics.length > 0 || grants.length > 0,
    };
    const commit = (answers: Answers): Partial<VmRecord> => this.#committed(vm, steps, answers);
    try {
      await lifecycle.make(vm, { operation, steps, makes: true, before, commit }, order.keepOnFailure);
      return vm;
    } finally {
      slots.fill();
    }
  }

  /** Everything that is decided before the first effect: in memory only, and given back when it can't be had. */
  #prepare(order: Order, wanted: string | null): Prepared {
    const { registry, operations, fabric, slots, runDir } = this.#parts;
    const claims = new Claims();
    const slot = this.#slotFor(order);
    const id = slot?.vm.id ?? newVmId();
    const name = wanted ?? cloneName(order.manifest.name, id);
    const operation = operations.begin({ method: 'snapshot.restore', vm: id, name, signal: order.signal });
    const of = { vm: id, operation: operation.id };
    operation.follow((step, state) => {
      if (state === 'done') this.#tell(step, of);
    });
    if (order.follow) operation.follow(order.follow(of));
    try {
      if (slot) claims.note(() => slots.giveBack(slot));
      registry.takeName(name, id);
      claims.note(() => registry.freeName(id));
      // Shared ones, which it only reads; of the others it gets its own copies.
      registry.drives.take(id, sharedDrives(order.manifest));
      claims.note(() => registry.drives.free(id));
      const grants = slot
        ? [slot.grant]
        : order.places.map((place) => claims.grant(fabric, { ...place, vm: id }));
      const vm = slot?.vm ?? new Vm(emptyRecord(id, 'restored', order.vmm.version), runDir);
      const machineId = newMachineId();
      const done = vm.record.steps;
      const strategy = strategyPlan(order, { id, name }, grants);
      const steps = this.#plan(order, { vm, name, grants, machineId, strategy }).filter(
        (step) => !done.some((one) => isDeepStrictEqual(one, step)),
      );
      return { vm, operation, grants, sides: strategy.guest, machineId, steps };
    } catch (thrown) {
      claims.giveBack();
      throw operation.refuse(thrown);
    }
  }

  #plan(
    order: Order,
    clone: Pick<Prepared, 'vm' | 'grants' | 'machineId'> & { name: string; strategy: StrategyPlan },
  ): readonly Step[] {
    const { vm, name, grants, machineId, strategy } = clone;
    const { store, needs } = this.#parts;
    return planRestore({
      vm: { id: vm.id, name, dir: vm.dir },
      manifest: order.manifest,
      draft: order.draft,
      path: order.path,
      diskDir: store.diskDir(vm.id),
      strategy,
      grants,
      pci: order.vmm.has('pci'),
      machineId,
      labels: order.labels,
      readyTimeout: order.readyTimeout,
      ping: order.ping,
      needs,
    });
  }

  /** A slot serves an order for one NIC whose MAC and ports are all the same to the caller, its address too or the slot's. */
  #slotFor(order: Order): Slot | undefined {
    const [nic, ...more] = order.places;
    if (!nic || more.length > 0 || !order.strategy.plugin.slots) return undefined;
    if (nic.mac !== undefined || nic.ports?.length) return undefined;
    return this.#parts.slots.take(nic.network, nic.address);
  }

  #tell(step: string, of: { vm: string; operation: string }): void {
    if (step === 'load') this.#parts.events.emit({ type: 'vm.loaded', ...of });
    if (step.startsWith('nic '))
      this.#parts.events.emit({ type: 'vm.attached', ...of, detail: { nic: step.slice(4) } });
  }

  #committed(vm: Vm, steps: readonly Step[], answers: Answers): Partial<VmRecord> {
    const at = Date.now();
    const answer = updateAnswer(answers);
    return {
      steps: [...vm.record.steps, ...steps],
      process: this.#parts.fleet.identity(vm.id),
      attachments: pluggedIn(vm.record.attachments, answer, at),
      confirmed: answer ? { at, by: 'agent' } : null,
    };
  }
}
