import { Ticker } from '../operations/ticker.js';
import { LogKeeper } from '../vms/log-keeper.js';
import type { Lifetime } from './lifetime.js';
import type { Outlook } from './outlook.js';

/** What is done again and again: looking after VMs, their logs and their expiry, and reconciling. */
export async function openWatches(life: Lifetime, parts: Outlook) {
  const { config, log, background, registry, operations, lifetimes, reconciler, foreign, watch } = parts;
  const every = (
    name: string,
    {
      failed,
      ...how
    }: {
      seconds: number;
      atOnce?: boolean;
      failed: string;
      run: (signal: AbortSignal) => Promise<unknown>;
    },
    close?: () => Promise<void>,
  ): Promise<Ticker> =>
    life.open(
      name,
      () => new Ticker({ ...how, onError: (err) => log.error({ err }, failed) }),
      async (ticker) => {
        await ticker.close();
        await close?.();
      },
    );

  const health = await every('health', {
    seconds: config.health.intervalSeconds,
    // What a daemon before knew of them is gone: an agent that it had found silent is found so again.
    atOnce: true,
    failed: 'looking after the VMs failed',
    run: (signal) => watch.look(signal),
  });
  const logKeeper = new LogKeeper({ registry, operations, log, most: config.vmmLog.bytes });
  await every('logs', {
    seconds: 1,
    failed: 'looking at the VMs’ logs failed',
    run: (signal) => logKeeper.look(signal),
  });
  await every('mounts', {
    seconds: 1,
    failed: 'looking at the mounts failed',
    run: () => foreign.lookAtMounts(),
  });
  const lifetime = {
    seconds: 1,
    failed: 'a lifetime could not be written down',
    run: (signal: AbortSignal): Promise<void> => lifetimes.look(signal),
  };
  lifetime.run(background.signal).catch((err: unknown) => log.error({ err }, lifetime.failed));
  await every('lifetimes', lifetime, () => lifetimes.close());
  const reconcile = await every('reconcile', {
    seconds: config.reconcile.intervalSeconds,
    failed: 'reconcile failed',
    run: (signal) => reconciler.run(false, signal),
  });
  return { logKeeper, tickers: { health, reconcile } };
}

export type Watches = Awaited<ReturnType<typeof openWatches>>;
