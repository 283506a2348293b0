import { driveInUse } from '../api/errors/vm.js';
import type { CheckedParamsOf } from '../api/index.js';
import type { Agents } from '../agent/agents.js';
import { fileProve } from '../effects/files.js';
import { newMachineId, newVmId } from '../operations/ids.js';
import type { StepListener } from '../operations/operation.js';
import type { Operations } from '../operations/operations.js';
import type { Answers } from '../operations/run-steps.js';
import { emptyRecord, granted } from '../records/make.js';
import type { VmRecord } from '../records/vm-record.js';
import type { Fleet } from '../vmm/fleet.js';
import type { Context, Fabric } from '../../plugins/contract.js';
import { planBoot, recordedDrives, vsockPath, type BootFacts } from './boot-plan.js';
import { Claims } from './claims.js';
import { pluggedIn, updateAnswer } from './confirmed.js';
import type { Lifecycle } from './lifecycle.js';
import type { Registry } from './registry.js';
import { Vm } from './vm.js';

export interface BooterParts {
  readonly runDir: string;
  readonly fabric: Fabric;
  readonly fleet: Fleet;
  readonly agents: Agents;
  readonly registry: Registry;
  readonly operations: Operations;
  readonly lifecycle: Lifecycle;
}

export interface BootOrder extends Omit<CheckedParamsOf<'vm.boot'>, 'progressToken'> {
  readonly signal: AbortSignal;
  readonly follow?: ((vm: { vm: string; operation: string }) => StepListener) | undefined;
}

/** Boots sources. */
export class Booter {
  readonly #parts: BooterParts;

  constructor(parts: BooterParts) {
    this.#parts = parts;
  }

  /** Boots a VM, whole or not at all. @throws fileMissing, driveInUse, nameTaken, and what its failing step threw */
  async boot(order: BootOrder): Promise<Vm> {
    const { registry, operations, fabric, fleet, lifecycle, agents, runDir } = this.#parts;
    const id = newVmId();
    const name = order.name ?? id.replace('vm-', 'source-');
    const operation = operations.begin({ method: 'vm.boot', vm: id, name, signal: order.signal });
    if (order.follow) operation.follow(order.follow({ vm: id, operation: operation.id }));
    const claims = new Claims();
    let facts: BootFacts;
    let vm: Vm;
    try {
      registry.takeName(name, id);
      claims.note(() => registry.freeName(name));
      const vmm = await fleet.capabilities(operation.cx);
      await this.#proveFiles(order, operation.cx);
      const grants = order.networks.map((network, index) =>
        claims.grant(fabric, { vm: id, nic: `eth${index}`, network }),
      );
      vm = new Vm(emptyRecord(id, 'booted', vmm.version), runDir);
      facts = {
        vm: { id, name, dir: vm.dir },
        spec: order.config,
        pci: order.pci && vmm.has('pci'),
        grants,
        prepare: grants.flatMap((grant) => fabric.stepsFor(grant)),
        agent: order.config.vsock === null ? null : order.agent,
        machineId: newMachineId(),
        readyTimeout: order.readyTimeout,
      };
    } catch (thrown) {
      claims.giveBack();
      throw operation.refuse(thrown);
    }
    const before = { ...described(facts), name: name as VmRecord['name'], labels: order.labels };
    agents.open({ vm: id, dir: vm.dir, vsock: before.vsock, agent: facts.agent });
    const steps = planBoot(facts);
    const commit = (answers: Answers): Partial<VmRecord> => {
      const at = Date.now();
      return {
        steps: [...steps],
        process: fleet.identity(id),
        attachments: pluggedIn(vm.record.attachments, updateAnswer(answers), at),
        confirmed: answers.has('hello') ? { at, by: 'agent' } : null,
      };
    };
    await lifecycle.make(vm, { operation, steps, makes: true, before, commit }, order.keepOnFailure);
    return vm;
  }

  /** The files that Firecracker would only miss later, and drives that somebody else writes to. */
  async #proveFiles(order: BootOrder, cx: Context): Promise<void> {
    const source = order.config['boot-source'];
    await fileProve({ path: source.kernel_image_path, what: 'kernel', write: false }, cx);
    if (source.initrd_path) await fileProve({ path: source.initrd_path, what: 'initrd', write: false }, cx);
    for (const drive of order.config.drives) {
      const path = await fileProve(
        { path: drive.path_on_host, what: 'drive', write: !drive.is_read_only },
        cx,
      );
      drive.path_on_host = path;
      const user = this.#parts.registry
        .all()
        .find((vm) =>
          vm.record.drives.some((other) => other.file === path && !(other.readOnly && drive.is_read_only)),
        );
      if (user) throw driveInUse({ path, by: user.name });
    }
  }
}

/** What a boot's record says of the machine. */
function described(facts: BootFacts) {
  const { spec, grants } = facts;
  const machine = spec['machine-config'];
  return {
    pci: facts.pci,
    machine: { vcpus: machine.vcpu_count, memoryMib: machine.mem_size_mib },
    drives: recordedDrives(spec),
    vsock: spec.vsock && { cid: spec.vsock.guest_cid, path: vsockPath },
    agent: facts.agent,
    attachments: grants.map(granted),
    everHadNic: grants.length > 0,
    machineId: grants.length > 0 ? facts.machineId : null,
  } satisfies Partial<VmRecord>;
}
