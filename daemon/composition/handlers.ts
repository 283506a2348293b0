import { agentHandlers } from '../methods/agent.js';
import { eventHandlers } from '../methods/events.js';
import { hookHandlers } from '../methods/hook.js';
import { networkHandlers } from '../methods/network.js';
import { rpcHandlers } from '../methods/rpc.js';
import { snapshotHandlers } from '../methods/snapshot.js';
import { systemHandlers, type SystemParts } from '../methods/system.js';
import { vmHandlers } from '../methods/vm.js';
import type { Handlers } from '../methods/call.js';
import type { Wanted } from '../restore/slots.js';
import { Deleter } from '../snapshots/deleter.js';
import { Snapshotter } from '../snapshots/snapshotter.js';
import { Adopter } from '../vms/adopter.js';
import { Booter } from '../vms/booter.js';
import { Checker } from '../vms/checker.js';
import { Collector } from '../vms/collector.js';
import { Nics } from '../vms/nics.js';
import { Power } from '../vms/power.js';
import { Reservations } from '../vms/reservations.js';
import { Updater } from '../vms/updater.js';
import { Upgrader } from '../vms/upgrader.js';
import { Vms } from '../vms/vms.js';
import type { Outlook } from './outlook.js';

type Parts = Outlook & Pick<SystemParts, 'stopping' | 'reload'>;

/** What answers each method. */
export function allHandlers(parts: Parts): Handlers {
  const { config, registry, catalog, store, fabric, slots, strategies, events, plugins, foreign } = parts;
  const { roots } = config;
  const vms = new Vms(registry, foreign);
  const makeWay = (wanted: readonly Wanted[]) => slots.makeWay(wanted, fabric);
  const predictable = strategies.get('predictable');
  const reservations = new Reservations(registry, (id) => catalog.has(id));
  const draftDir = store.draftDir.bind(store);
  const all = { ...parts, roots, vms, nics: new Nics({ ...parts, makeWay }) };
  return {
    ...rpcHandlers(),
    ...hookHandlers(parts),
    ...eventHandlers({ hub: events, vms: () => vms.list() }),
    ...systemHandlers({ ...all, startedAt: Date.now(), plugins: () => plugins.list() }),
    ...vmHandlers({
      ...all,
      adopter: new Adopter(parts),
      booter: new Booter({ ...parts, makeWay, predictable, reservations }),
      power: new Power(parts),
    }),
    ...snapshotHandlers({
      ...all,
      snapshotter: new Snapshotter({ ...parts, draftDir }),
      deleter: new Deleter(parts),
    }),
    ...networkHandlers({ ...all, checker: new Checker(parts), collector: new Collector(parts) }),
    ...agentHandlers({
      ...all,
      upgrader: new Upgrader(parts),
      updater: new Updater({ ...parts, needs: config.guest.needs }),
    }),
  };
}
