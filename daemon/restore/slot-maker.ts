import type { Operations } from '../operations/operations.js';
import { newVmId } from '../operations/ids.js';
import { emptyRecord } from '../records/make.js';
import type { Fleet } from '../vmm/fleet.js';
import type { Lifecycle } from '../vms/lifecycle.js';
import { Vm } from '../vms/vm.js';
import type { Context, Fabric } from '../../plugins/contract.js';
import { planSlot } from './plan.js';
import type { Slot } from './slots.js';

export interface SlotMakerParts {
  readonly runDir: string;
  readonly fabric: Fabric;
  readonly fleet: Fleet;
  readonly operations: Operations;
  readonly lifecycle: Lifecycle;
}

/** Makes slots: VMs without a name, journaled like any other, so that one half made when the daemon dies is undone too. */
export const slotMaker =
  ({ runDir, fabric, fleet, operations, lifecycle }: SlotMakerParts, cx: Context) =>
  async (network: string): Promise<Slot> => {
    const vmm = await fleet.capabilities(cx);
    const id = newVmId();
    const vm = new Vm(emptyRecord(id, 'restored', vmm.version), runDir);
    const grant = fabric.grant({ vm: id, nic: 'eth0', network });
    const steps = planSlot({ id, name: id, dir: vm.dir }, vmm.has('pci'), {
      prepare: fabric.stepsFor(grant),
      vmm: {},
    });
    const operation = operations.begin({ method: 'slot.fill', vm: id, name: null, signal: cx.signal });
    const commit = () => ({ steps: [...steps], process: fleet.identity(id) });
    await lifecycle.make(vm, { operation, steps, makes: true, commit }, false);
    return { vm, grant, ended: fleet.find(id)?.process.exited ?? Promise.resolve() };
  };
