import type { ResultOf } from '../api/index.js';
import { newMachineId, newVmId } from '../operations/ids.js';
import { stepLabel } from '../operations/run-steps.js';
import { Claims } from '../vms/claims.js';
import type { Fabric } from '../../plugins/contract.js';
import { earlyFor } from './early.js';
import { strategyPlan, vsockOf, type Order } from './order.js';
import { planRestore } from './plan.js';

/**
 * What one clone of an order would get, and by which steps. What is granted for it is given back before anybody else can
 * ask: nothing is held, not even for a moment that others see.
 * @throws what the fabric refuses with
 */
export function outline(
  order: Order,
  fabric: Fabric,
): Pick<ResultOf<'network.plan'>, 'chosen' | 'nics' | 'steps'> {
  const claims = new Claims();
  const vm = { id: newVmId(), name: 'clone' };
  try {
    const grants = order.places.map((place) =>
      claims.grant(fabric, { ...place, vm: vm.id, early: earlyFor(order) }),
    );
    const steps = planRestore({
      ...order,
      vm: { ...vm, dir: `/${vm.id}` },
      diskDir: '/',
      strategy: strategyPlan(order, vm, grants),
      grants,
      pci: order.vmm.has('pci'),
      vsock: vsockOf(order),
      machineId: newMachineId(),
      parts: [],
      needs: [],
      userData: null,
    });
    return {
      chosen: order.strategy.name,
      nics: order.places.map((place, index) => ({
        id: place.nic,
        network: grants[index]?.network ?? place.network,
        address: place.address ?? null,
        mac: place.mac ?? null,
        tap: place.tap ?? null,
      })),
      steps: steps.map((step) => ({ kind: step.kind, label: stepLabel(step) })),
    };
  } finally {
    claims.giveBack();
  }
}
