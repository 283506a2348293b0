import { isDeepStrictEqual } from 'node:util';
import type { UpdatePart } from '../api/shapes/update.js';
import type { Agents } from '../agent/agents.js';
import { newMachineId, newVmId } from '../operations/ids.js';
import type { Operation } from '../operations/operation.js';
import type { Operations } from '../operations/operations.js';
import type { Answers } from '../operations/run-steps.js';
import type { GuestRules } from '../config/schema.js';
import { emptyRecord, grantedAs, inherited } from '../records/make.js';
import type { VmRecord } from '../records/vm-record.js';
import type { Fleet } from '../vmm/fleet.js';
import { Claims } from '../vms/claims.js';
import type { Change } from '../vms/transact.js';
import { pluggedIn, updateAnswer } from '../vms/confirmed.js';
import { firstAddress } from '../vms/identity.js';
import type { Lifecycle } from '../vms/lifecycle.js';
import type { Lifetimes } from '../vms/lifetimes.js';
import { chosenParts } from '../vms/update-parts.js';
import type { Registry } from '../vms/registry.js';
import { Vm } from '../vms/vm.js';
import type { Fabric, Grant, SnapshotStore, Step, StrategyPlan } from '../../plugins/contract.js';
import { cloneName } from './clone-names.js';
import { assertAllEarly, earlyFor } from './early.js';
import { strategyPlan, vsockOf, type Order } from './order.js';
import { planRestore } from './plan.js';
import { sharedDrives } from './shared-files.js';
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
  readonly lifetimes: Lifetimes;
  readonly slots: SlotPool;
  readonly guest: GuestRules;
}

/** What the plan of a clone is made for. */
interface Unplanned {
  readonly vm: Vm;
  readonly name: string;
  readonly grants: readonly Grant[];
  readonly machineId: string;
}

type Rest = NonNullable<Change['next']>;

/** What a clone is about to be made from. */
interface Prepared extends Unplanned {
  readonly operation: Operation;
  readonly sides: StrategyPlan['guest'];
  readonly steps: readonly Step[];
  /** The rest of the plan, where it can't be made before these steps have run. */
  readonly rest?: Rest;
}

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
    const slot = this.#slotFor(order);
    if (!slot) await this.#parts.slots.makeWay(order.places, this.#parts.fabric);
    const prepared = this.#prepare(order, { wanted: name, slot });
    const { vm, operation, grants, sides, machineId, steps, rest } = prepared;
    const { agents, lifecycle, lifetimes, slots } = this.#parts;
    const vsock = vsockOf(order);
    const address = () => firstAddress(vm.record);
    agents.open({ vm: vm.id, dir: vm.dir, vsock, agent: order.manifest.agent, address });
    const before: Partial<VmRecord> = {
      ...inherited(order.manifest),
      vsock,
      name: operation.name as VmRecord['name'],
      createdAt: Date.now(),
      expiresAt: lifetimes.expiry(order.ttl),
      strategy: order.strategy.name,
      machineId,
      labels: { ...order.labels },
      parts: this.#partsOf(order),
      userData: order.userData ?? null,
      container: order.container?.bond ?? null,
      attachments: grants.map((grant) => grantedAs(grant, sides)),
      everHadNic: order.manifest.nics.length > 0 || grants.length > 0,
    };
    // Of a record that names all of them, also those that were planned on the way.
    const commit = (answers: Answers): Partial<VmRecord> => ({
      ...this.#committed(vm, vm.record.pending?.steps ?? steps, answers),
      expiresAt: lifetimes.expiry(order.ttl),
    });
    const change = { operation, steps, makes: true, before, commit, ...(rest && { next: rest }) };
    try {
      await lifecycle.make(vm, change, order.keepOnFailure);
      return vm;
    } finally {
      slots.fill();
    }
  }

  /** Everything that is decided before the first effect: in memory only, and given back when it can't be had. */
  #prepare(order: Order, { wanted, slot }: { wanted: string | null; slot: Slot | undefined }): Prepared {
    const { registry, operations, fabric, slots, runDir } = this.#parts;
    const claims = new Claims();
    const id = slot?.vm.id ?? newVmId();
    const name = wanted ?? cloneName(order.manifest.name, id);
    const operation = operations.begin({
      ...{ method: 'snapshot.restore', vm: id, name, signal: order.signal },
      snapshot: order.manifest.id,
    });
    const of = { vm: id, operation: operation.id };
    if (order.follow) operation.follow(order.follow(of));
    try {
      if (slot) claims.note(() => slots.giveBack(slot));
      registry.takeName(name, id);
      claims.note(() => registry.freeName(id));
      registry.room.take(id, order.manifest.machine.memoryMib);
      claims.note(() => registry.room.free(id));
      // Shared ones, which it only reads; of the others it gets its own copies.
      registry.drives.take(id, sharedDrives(order.manifest));
      claims.note(() => registry.drives.free(id));
      const join = order.container?.join;
      const takeover = join?.how === 'takeover' ? join : undefined;
      const bare = slot
        ? slot.grants
        : order.places.map((place) =>
            claims.grant(fabric, { ...place, vm: id, early: earlyFor(order), takeover }),
          );
      const grants = join?.how === 'beside' ? claims.cords(fabric, bare, join.space) : bare;
      const vm = slot?.vm ?? new Vm(emptyRecord(id, 'restored', order.vmm.version), runDir);
      const machineId = newMachineId();
      const strategy = strategyPlan(order, { id, name }, grants);
      const clone = { vm, name, grants, machineId };
      const early = fabric.early(grants);
      if (early.length === 0)
        return {
          ...clone,
          operation,
          sides: strategy.guest,
          steps: this.#plan(order, { ...clone, strategy }),
        };
      assertAllEarly(grants);
      return {
        ...clone,
        operation,
        sides: strategy.guest,
        steps: early,
        rest: this.#rest(order, clone, early),
      };
    } catch (thrown) {
      claims.giveBack();
      throw operation.refuse(thrown);
    }
  }

  /** The plan of a clone whose grants are known only once their early steps have run. */
  #rest(order: Order, clone: Unplanned, early: readonly Step[]): Rest {
    const { fabric } = this.#parts;
    return async (cx) => {
      const grants: Grant[] = [];
      for (const grant of clone.grants) grants.push(await fabric.learned(grant, cx));
      const strategy = strategyPlan(order, { id: clone.vm.id, name: clone.name }, grants);
      const all = this.#plan(order, { ...clone, grants, strategy });
      return {
        steps: withoutThose(all, early),
        before: { attachments: grants.map((grant) => grantedAs(grant, strategy.guest)) },
      };
    };
  }

  #plan(order: Order, clone: Unplanned & { strategy: StrategyPlan }): readonly Step[] {
    const { vm, name, grants, machineId, strategy } = clone;
    const { store, guest } = this.#parts;
    const steps = planRestore({
      vm: { id: vm.id, name, dir: vm.dir },
      manifest: order.manifest,
      draft: order.draft,
      path: order.path,
      files: order.files,
      diskDir: store.diskDir(vm.id),
      strategy,
      grants,
      pci: order.vmm.has('pci'),
      vsock: vsockOf(order),
      confinement: order.confinement,
      machineId,
      labels: order.labels,
      userData: order.userData ?? null,
      parts: this.#partsOf(order),
      readyTimeout: order.readyTimeout,
      ping: order.ping,
      needs: guest.needs,
    });
    return withoutThose(steps, vm.record.steps);
  }

  #partsOf(order: Order): UpdatePart[] {
    return chosenParts(null, this.#parts.guest.parts, order.parts);
  }

  /** A slot that has all that a clone of an order needs, if there is one. */
  #slotFor({ strategy, manifest, places, container }: Order): Slot | undefined {
    if (container?.join?.how === 'takeover') return undefined;
    return this.#parts.slots.take({ strategy: strategy.name, snapshot: manifest.id, places });
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

function withoutThose(steps: readonly Step[], done: readonly Step[]): readonly Step[] {
  return steps.filter((step) => !done.some((one) => isDeepStrictEqual(one, step)));
}
