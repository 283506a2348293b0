import type { CheckedParamsOf } from '../api/index.js';
import type { Inode } from '../api/shapes/file.js';
import type { SnapshotId } from '../api/shapes/ids.js';
import type { Agents } from '../agent/agents.js';
import { fileProve, type FoundFile } from '../effects/files.js';
import { newMachineId, newSnapshotId, newVmId } from '../operations/ids.js';
import type { Operation, StepListener } from '../operations/operation.js';
import type { Operations } from '../operations/operations.js';
import type { Answers } from '../operations/run-steps.js';
import { emptyRecord, granted } from '../records/make.js';
import type { VmRecord } from '../records/vm-record.js';
import type { Cgroups } from '../vmm/cgroups.js';
import type { Fleet } from '../vmm/fleet.js';
import type { Context, Fabric, GrantWish, NetworkStrategy } from '../../plugins/contract.js';
import { bootPlaces } from './boot-places.js';
import { planBoot, recordedDrives, vsockPath, type BootFacts } from './boot-plan.js';
import { Claims } from './claims.js';
import { pluggedIn, updateAnswer } from './confirmed.js';
import { firstAddress } from './identity.js';
import type { Lifecycle } from './lifecycle.js';
import type { Lifetimes } from './lifetimes.js';
import type { Registry } from './registry.js';
import type { Reservations } from './reservations.js';
import { Vm } from './vm.js';

export interface BooterParts {
  readonly runDir: string;
  readonly fabric: Fabric;
  readonly fleet: Fleet;
  readonly agents: Agents;
  readonly registry: Registry;
  readonly operations: Operations;
  readonly lifecycle: Lifecycle;
  readonly lifetimes: Lifetimes;
  readonly cgroups: Cgroups;
  /** Ends slots that hold an address which is asked for, or the last ones of a network. */
  readonly makeWay: (wanted: readonly Pick<GrantWish, 'network' | 'address'>[]) => Promise<void>;
  /** Whose taps' names follow from a snapshot's id; undefined where it is not loaded. */
  readonly predictable: NetworkStrategy | undefined;
  readonly reservations: Reservations;
}

export interface BootOrder extends Omit<CheckedParamsOf<'vm.boot'>, 'progressToken'> {
  /** Which files the paths of the configuration must lead to, where the caller's right to name them was judged. */
  readonly judged: ReadonlyMap<string, Inode>;
  readonly signal: AbortSignal;
  readonly follow?: ((vm: { vm: string; operation: string }) => StepListener) | undefined;
}

/** Boots sources. */
export class Booter {
  readonly #parts: BooterParts;

  constructor(parts: BooterParts) {
    this.#parts = parts;
  }

  /**
   * Boots a VM, whole or not at all.
   * @throws noRoom, fileMissing, fileReplaced, driveInUse, nameTaken, snapshotIdTaken, tapTaken, and what its failing step threw
   */
  async boot(order: BootOrder): Promise<Vm> {
    const { operations, fleet, lifecycle, lifetimes, agents } = this.#parts;
    const id = newVmId();
    const name = order.name ?? id.replace('vm-', 'source-');
    const operation = operations.begin({ method: 'vm.boot', vm: id, name, signal: order.signal });
    if (order.follow) operation.follow(order.follow({ vm: id, operation: operation.id }));
    const reserved = order.snapshotId === 'new' ? newSnapshotId() : (order.snapshotId ?? null);
    const { vm, facts, letGo } = await this.#decide(order, { operation, id, name, reserved });
    try {
      const described = describe(facts);
      const before = {
        ...described,
        ...{ name: name as VmRecord['name'], labels: order.labels, reservedSnapshot: reserved },
        expiresAt: lifetimes.expiry(order.ttl),
      };
      agents.open({ vm: id, dir: vm.dir, ...described, address: () => firstAddress(vm.record) });
      const steps = planBoot(facts);
      const commit = (answers: Answers): Partial<VmRecord> => {
        const at = Date.now();
        return {
          steps: [...steps],
          expiresAt: lifetimes.expiry(order.ttl),
          process: fleet.identity(id),
          attachments: pluggedIn(vm.record.attachments, updateAnswer(answers), at),
          confirmed: answers.has('hello') ? { at, by: 'agent' } : null,
        };
      };
      await lifecycle.make(vm, { operation, steps, makes: true, before, commit }, order.keepOnFailure);
      return vm;
    } finally {
      letGo();
    }
  }

  /** All that is decided before the first effect: in memory only, and given back when it can't be had. */
  async #decide(
    order: BootOrder,
    of: { operation: Operation; id: VmRecord['id']; name: string; reserved: SnapshotId | null },
  ): Promise<{ vm: Vm; facts: BootFacts; letGo: () => void }> {
    const { registry, fabric, fleet, runDir } = this.#parts;
    const { operation, id, name, reserved } = of;
    const claims = new Claims();
    try {
      registry.takeName(name, id);
      claims.note(() => registry.freeName(id));
      const letGo = reserved === null ? () => undefined : this.#parts.reservations.take(reserved, id);
      claims.note(letGo);
      const vmm = await fleet.capabilities(operation.cx);
      const confinement = await this.#parts.cgroups.confinement(order.limits, operation.cx);
      const files = await this.#proveFiles(order, operation.cx);
      registry.room.take(id, order.config['machine-config'].mem_size_mib);
      claims.note(() => registry.room.free(id));
      registry.drives.take(id, recordedDrives(order.config, files));
      claims.note(() => registry.drives.free(id));
      const places = bootPlaces(order.networks, reserved, this.#parts.predictable);
      await this.#parts.makeWay(places);
      const grants = places.map((place) => claims.grant(fabric, { ...place, vm: id }));
      const vm = new Vm(emptyRecord(id, 'booted', vmm.version), runDir);
      const facts = {
        vm: { id, name, dir: vm.dir },
        spec: order.config,
        files,
        pci: order.pci && vmm.has('pci'),
        places,
        grants,
        prepare: grants.flatMap((grant) => fabric.stepsFor(grant)),
        agent: order.config.vsock === null && order.agent?.via === 'vsock' ? null : order.agent,
        confinement,
        machineId: newMachineId(),
        readyTimeout: order.readyTimeout,
      };
      return { vm, facts, letGo };
    } catch (thrown) {
      claims.giveBack();
      throw operation.refuse(thrown);
    }
  }

  /** The files that Firecracker would only miss later; drives by their real paths from here on. */
  async #proveFiles({ config, judged }: BootOrder, cx: Context): Promise<FoundFile[]> {
    const prove = (path: string, what: string, write = false): Promise<FoundFile> =>
      fileProve({ path, what, write, inode: judged.get(path) }, cx);
    const { kernel_image_path: kernel, initrd_path: initrd } = config['boot-source'];
    const found = [await prove(kernel, 'kernel')];
    if (initrd) found.push(await prove(initrd, 'initrd'));
    for (const drive of config.drives) {
      const file = await prove(drive.path_on_host, 'drive', !drive.is_read_only);
      drive.path_on_host = file.path;
      found.push(file);
    }
    return found;
  }
}

/** What a boot's record says of the machine. */
function describe(facts: BootFacts) {
  const { spec, files, grants } = facts;
  const machine = spec['machine-config'];
  return {
    pci: facts.pci,
    machine: { vcpus: machine.vcpu_count, memoryMib: machine.mem_size_mib },
    drives: recordedDrives(spec, files),
    vsock: spec.vsock && { cid: spec.vsock.guest_cid, path: vsockPath },
    agent: facts.agent,
    attachments: grants.map(granted),
    everHadNic: grants.length > 0,
    machineId: facts.machineId,
  } satisfies Partial<VmRecord>;
}
