import type { Finding } from '../api/network.js';
import type { Operations } from '../operations/operations.js';
import type { Orders } from '../restore/orders.js';
import type { Checker } from '../vms/checker.js';
import type { Collector } from '../vms/collector.js';
import type { Nics } from '../vms/nics.js';
import type { Vms } from '../vms/vms.js';
import type { Fabric } from '../../plugins/contract.js';
import type { Handlers } from './call.js';

export interface NetworkParts {
  readonly vms: Vms;
  readonly nics: Nics;
  readonly fabric: Fabric;
  readonly checker: Checker;
  readonly collector: Collector;
  readonly operations: Operations;
  readonly orders: Orders;
}

type NetworkMethods =
  'network.attach' | 'network.detach' | 'network.check' | 'network.gc' | 'network.list' | 'network.plan';

/** NICs and networks. */
export function networkHandlers(parts: NetworkParts): Pick<Handlers, NetworkMethods> {
  const { vms, nics, fabric, checker, collector, operations, orders } = parts;
  return {
    'network.attach': async ({ vm, nic, readyTimeout }, { signal }) => ({
      attachment: await nics.attach(vms.ours(vm), { nic, readyTimeout, signal }),
    }),
    'network.detach': async ({ vm, attachment, force }, { signal }) => {
      await nics.detach(vms.ours(vm), { attachment, force, signal });
      return { attachment };
    },
    'network.check': async ({ vm, ping }, call) => {
      const cx = operations.looking(call.signal);
      const one = vm === undefined ? null : vms.ours(vm);
      const findings: Finding[] = await checker.check(one, cx);
      return { findings, pings: ping ? await checker.ping(one, cx) : [] };
    },
    'network.gc': async ({ dryRun }, { signal }) => ({
      removed: [...(await collector.collect({ dryRun, signal }))],
      dryRun,
    }),
    'network.plan': ({ count, ...params }, { signal }) => orders.plan({ ...params, clones: count, signal }),
    'network.list': () => ({ networks: [...fabric.networks()] }),
  };
}
