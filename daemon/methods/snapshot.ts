import { snapshotView } from '../snapshots/view.js';
import type { CheckedParamsOf, ResultOf } from '../api/index.js';
import type { Deleter } from '../snapshots/deleter.js';
import type { Catalog } from '../snapshots/catalog.js';
import type { Snapshotter } from '../snapshots/snapshotter.js';
import type { Operations } from '../operations/operations.js';
import type { Orders } from '../restore/orders.js';
import type { Nics } from '../vms/nics.js';
import type { Registry } from '../vms/registry.js';
import type { Vms } from '../vms/vms.js';
import type { SnapshotStore } from '../../plugins/contract.js';
import type { Call, Handlers } from './call.js';
import { follow } from './follow.js';

export interface SnapshotParts {
  readonly vms: Vms;
  readonly nics: Nics;
  readonly registry: Registry;
  readonly catalog: Catalog;
  readonly store: SnapshotStore;
  readonly snapshotter: Snapshotter;
  readonly deleter: Deleter;
  readonly orders: Orders;
  readonly operations: Operations;
}

type SnapshotMethods = `snapshot.${'create' | 'restore' | 'list' | 'get' | 'delete' | 'verify'}`;

/** Snapshots: take, restore, look, delete. */
export function snapshotHandlers(parts: SnapshotParts): Pick<Handlers, SnapshotMethods> {
  const { registry, catalog, store, deleter, orders, operations } = parts;
  const view = (ref: string) => snapshotView(catalog.find(ref), registry);
  return {
    'snapshot.create': (params, call) => create(params, { call, parts }),
    'snapshot.restore': (params, call) =>
      orders.restore({ ...params, signal: call.signal, follow: follow(call) }),
    'snapshot.list': () => ({ snapshots: catalog.all().map((manifest) => snapshotView(manifest, registry)) }),
    'snapshot.get': ({ snapshot }) => ({ snapshot: view(snapshot) }),
    'snapshot.delete': async ({ snapshot }, call) => ({
      snapshot: await deleter.delete(snapshot, call.signal),
    }),
    'snapshot.verify': async ({ snapshot }, call) => {
      const manifest = catalog.find(snapshot);
      const letGo = catalog.hold(manifest.id, 'snapshot.verify');
      try {
        await store.verify(manifest, true, operations.looking(call.signal));
      } finally {
        letGo();
      }
      return { snapshot: manifest.id, intact: true };
    },
  };
}

async function create(
  params: CheckedParamsOf<'snapshot.create'>,
  { call, parts }: { call: Call; parts: SnapshotParts },
): Promise<ResultOf<'snapshot.create'>> {
  const { vms, nics, snapshotter, registry } = parts;
  const vm = vms.ours(params.vm);
  const { signal } = call;
  const warnings: string[] = [];
  if (params.strip) {
    for (const { grant } of vm.record.attachments) {
      await nics.detach(vm, { attachment: grant.nic, force: false, signal });
      warnings.push(`${grant.nic} was taken out of ${vm.name} for good`);
    }
  }
  const manifest = await snapshotter.create(vm, { ...params, signal, follow: follow(call) });
  if (manifest.hotAttach.is !== 'yes') {
    warnings.push(`Clones can't be given a NIC by hot-attach: ${manifest.hotAttach.reason}`);
  }
  return { snapshot: snapshotView(manifest, registry), warnings };
}
