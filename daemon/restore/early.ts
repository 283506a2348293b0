import { cniNotHere } from '../api/errors/namespaces.js';
import type { Grant } from '../../plugins/contract.js';
import type { Order } from './order.js';

// Grants of CNI's networks: their MACs and addresses are known only once the plugins have run.

/** Whether NICs may be in such a network: where the guest is told of them, and can be told whatever the plugins say. */
export const earlyFor = ({ strategy }: Pick<Order, 'strategy'>): true | undefined =>
  strategy.name === 'hot-attach' ? true : undefined;

/** A VMM lives in one namespace, and bridges' taps are in the host's. @throws cniNotHere */
export function assertAllEarly(grants: readonly Grant[]): void {
  const other = grants.find(({ cni }) => cni === undefined);
  const [first] = grants.filter(({ cni }) => cni !== undefined);
  if (other && first)
    throw cniNotHere({
      network: first.network,
      why: `${other.nic} is to be in ${other.network}, a bridge’s`,
    });
}
