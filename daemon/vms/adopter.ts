import { resolve } from 'node:path';
import { noAgent } from '../api/errors/agent.js';
import { holdsNics, notAdoptable, notAdopted, vmBusy, vmOurs } from '../api/errors/vm.js';
import type { CheckedParamsOf } from '../api/index.js';
import { Name } from '../api/shapes/ids.js';
import type { Vm as VmView } from '../api/shapes/vm.js';
import type { Agents } from '../agent/agents.js';
import { vmmOwner, type VmmOwner } from '../effects/vmm-owner.js';
import { newVmId } from '../operations/ids.js';
import { asThawError, type Operation } from '../operations/operation.js';
import type { Operations } from '../operations/operations.js';
import { emptyRecord } from '../records/make.js';
import type { Records } from '../records/records.js';
import type { VmRecord } from '../records/vm-record.js';
import type { VmmConfig } from '../vmm/answers.js';
import { VmmApi } from '../vmm/api.js';
import type { Fleet } from '../vmm/fleet.js';
import { within, type Context } from '../../plugins/contract.js';
import { Claims } from './claims.js';
import type { ForeignVms } from './foreign.js';
import { firstAddress } from './identity.js';
import type { Herald } from './herald.js';
import type { Registry } from './registry.js';
import { Vm } from './vm.js';

export interface AdopterParts {
  readonly runDir: string;
  readonly registry: Registry;
  readonly records: Records;
  readonly foreign: ForeignVms;
  readonly fleet: Fleet;
  readonly agents: Agents;
  readonly operations: Operations;
  readonly herald: Herald;
}

export interface AdoptOrder extends Omit<CheckedParamsOf<'vm.adopt'>, 'vm'> {
  /** Who asks. */
  readonly uid: number;
  readonly signal: AbortSignal;
}

const never = new AbortController().signal;

/** What was learned of a VM before it is taken. */
interface Learned {
  readonly owner: VmmOwner;
  readonly config: VmmConfig;
  readonly version: string;
  readonly running: boolean;
}

/**
 * Takes VMs of others under management, and gives them back. Both are one write or removal of a record: nothing is done
 * to the VM, so there is nothing to undo.
 */
export class Adopter {
  readonly #parts: AdopterParts;
  /** Folders of VMs that are being taken. */
  readonly #taking = new Map<string, Operation>();

  constructor(parts: AdopterParts) {
    this.#parts = parts;
  }

  /** @throws notAdoptable, vmOurs, vmBusy, nameTaken, driveInUse, noAgent, agentSilent, vmmSilent */
  async adopt(view: VmView, order: AdoptOrder): Promise<Vm> {
    const { operations } = this.#parts;
    const id = newVmId();
    const name = order.name ?? Name.safeParse(view.name).data ?? Name.parse(id.replace('vm-', 'adopted-'));
    const operation = operations.begin({ method: 'vm.adopt', vm: id, name, signal: order.signal });
    const busy = this.#taking.get(view.dir);
    if (busy) throw operation.refuse(vmBusy({ vm: view.name, method: busy.method, by: busy.id }));
    this.#taking.set(view.dir, operation);
    const claims = new Claims();
    try {
      return await this.#take(view, { id, name, order, operation, claims });
    } catch (thrown) {
      claims.giveBack();
      await this.#parts.agents.close(id);
      // It may have been written all the same.
      await this.#parts.records.remove(id, operation.aside(never));
      throw operation.refuse(operation.cx.signal.aborted ? operation.cx.signal.reason : thrown);
    } finally {
      this.#taking.delete(view.dir);
    }
  }

  /** Gives a VM back as it is. @throws notAdopted, holdsNics, vmBusy */
  async release(vm: Vm, signal: AbortSignal): Promise<void> {
    const { operations, records, registry, agents, fleet, herald, foreign } = this.#parts;
    const { adopted, attachments } = vm.record;
    const operation = operations.begin({ method: 'vm.release', vm: vm.id, name: vm.name, signal });
    try {
      if (adopted === null) throw notAdopted({ vm: vm.name });
      const nics = attachments.map(({ grant }) => grant.nic);
      if (nics.length > 0) throw holdsNics({ vm: vm.name, nics });
      vm.claim(operation);
      // Whoever snapshots it next must find no connection open (fact 4).
      await agents.find(vm.id)?.disconnect(operation.cx);
      await records.remove(vm.id, operation.cx);
    } catch (thrown) {
      throw operation.refuse(thrown);
    }
    await agents.close(vm.id);
    fleet.letGo(vm.id);
    registry.remove(vm);
    operation.end('committed');
    await herald.tell('vm.removed', vm, { operation, detail: { name: vm.name, released: true } });
    await foreign.lookAgain(adopted.dir);
  }

  async #take(
    view: VmView,
    how: { id: VmRecord['id']; name: Name; order: AdoptOrder; operation: Operation; claims: Claims },
  ): Promise<Vm> {
    const { registry, records, fleet, agents, herald, foreign, runDir } = this.#parts;
    const { id, name, order, operation, claims } = how;
    const { cx } = operation;
    registry.takeName(name, id);
    claims.note(() => registry.freeName(id));
    const learned = await this.#learn(view, order, cx);
    const record = recordOf({ id, name, view, order, learned });
    registry.drives.take(id, record.drives);
    claims.note(() => registry.drives.free(id));
    const vm = new Vm(record, runDir);
    const { pid, startTime } = learned.owner;
    agents.open({ vm: id, dir: vm.dir, ...record, address: () => firstAddress(vm.record) });
    const confirmed = learned.running ? await this.#hello(vm, order.readyTimeout, cx) : null;
    vm.claim(operation);
    const apiSocket = view.apiSocket ?? undefined;
    const vmm = await fleet.adopt({ vm: id, dir: vm.dir, apiSocket }, { pid, startTime }, cx);
    if (vmm === null) throw notAdoptable({ vm: view.name, why: 'its process has just ended' });
    claims.note(() => fleet.letGo(id));
    await vm.write({ confirmed }, records, cx);
    // From here on it is ours: all in one turn.
    registry.add(vm);
    registry.room.occupy(id, record.machine.memoryMib);
    foreign.forget(view.dir);
    vm.sawProcess({ is: 'alive', at: Date.now(), pid, startTime });
    vm.sawPower(learned.running ? 'running' : 'paused');
    operation.end('committed');
    await herald.adopted(vm, operation);
    return vm;
  }

  /** Who and what it is. @throws notAdoptable, vmOurs, vmmSilent */
  async #learn(view: VmView, { uid }: AdoptOrder, cx: Context): Promise<Learned> {
    const refuse = (why: string): Error => notAdoptable({ vm: view.name, why });
    const socketPath = view.apiSocket ?? '';
    const owner = await vmmOwner(socketPath, cx);
    if (owner === null)
      throw refuse('nobody answers at its socket, or the process there can’t be seen from here');
    if (uid !== 0 && owner.uid !== uid)
      throw refuse(`its process belongs to user ${owner.uid}, and user ${uid} asks`);
    const same = this.#parts.registry
      .all()
      .find(({ record: { process } }) => process?.pid === owner.pid && process.startTime === owner.startTime);
    if (same) throw vmOurs({ vm: same.name });
    const { root, mounts, network } = owner.shares;
    if (!root || !mounts)
      throw refuse('it is jailed: its files are not where this daemon would look for them');
    if (!network) throw refuse('it is in another network namespace: its taps are not this host’s');
    const api = new VmmApi({ vm: view.name, socketPath });
    try {
      const { state, vmm_version: version } = await api.describe(cx);
      if (state === 'Not started') throw refuse('it has not booted');
      return { owner, config: await api.config(cx), version, running: state === 'Running' };
    } finally {
      api.close();
    }
  }

  /** Its agent's first word: without one, what a NIC comes to would never be known. @throws noAgent, agentSilent */
  async #hello(vm: Vm, readyTimeout: number, cx: Context): Promise<VmRecord['confirmed']> {
    if (vm.record.agent === null) return null;
    const agent = this.#parts.agents.find(vm.id);
    if (!agent) throw noAgent({ vm: vm.name });
    const limit = { what: 'the agent’s answer', milliseconds: readyTimeout };
    try {
      await within(cx, limit, (inner) => agent.hello(inner));
    } catch (thrown) {
      throw asThawError(thrown).adding(
        'Where it has none, adopt it without: then it can’t be given NICs',
        {},
      );
    }
    await agent.disconnect(cx);
    return { at: Date.now(), by: 'agent' };
  }
}

/** What is written of a VM whose life before nobody has recorded. Pure. */
function recordOf(of: {
  id: VmRecord['id'];
  name: Name;
  view: VmView;
  order: AdoptOrder;
  learned: Learned;
}): VmRecord {
  const { id, name, view, order, learned } = of;
  const { owner, config, version } = learned;
  const machine = config['machine-config'];
  const nics = config['network-interfaces'].map((nic) => nic.iface_id);
  return {
    ...emptyRecord(id, 'adopted', version),
    name,
    adopted: { dir: view.dir, apiSocket: view.apiSocket ?? '', cwd: owner.cwd, nics },
    process: { pid: owner.pid, startTime: owner.startTime },
    everHadNic: nics.length > 0,
    machine: { vcpus: machine?.vcpu_count ?? 0, memoryMib: machine?.mem_size_mib ?? 0 },
    drives: config.drives.map((drive) => ({
      id: drive.drive_id,
      path: drive.path_on_host ?? '',
      file: resolve(owner.cwd, drive.path_on_host ?? ''),
      readOnly: drive.is_read_only === true,
      rootDevice: drive.is_root_device,
    })),
    vsock: config.vsock ? { cid: config.vsock.guest_cid, path: config.vsock.uds_path } : null,
    agent: order.agent,
    labels: order.labels,
  };
}
