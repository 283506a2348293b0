import type { Config } from '../config/schema.js';
import type { Outlook } from './outlook.js';
import type { Watches } from './watches.js';

/**
 * @returns what takes up of another configuration what can be taken up by a daemon that runs
 * @throws cgroupsUnavailable, before anything is changed
 */
export function applying({ registry, cgroups, log, cx, watch }: Outlook, { logKeeper, tickers }: Watches) {
  return async (next: Config): Promise<void> => {
    // The one that can be refused comes first.
    await cgroups.standard(next.cgroups.limits, cx);
    registry.room.limit(next.limits);
    tickers.health.every(next.health.intervalSeconds);
    watch.askEvery(next.health.agentIntervalSeconds);
    tickers.reconcile.every(next.reconcile.intervalSeconds);
    logKeeper.bound(next.vmmLog.bytes);
    log.level = next.log.level;
  };
}
