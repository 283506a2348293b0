import { join } from 'node:path';
import { applying } from './composition/apply.js';
import { openClones } from './composition/clones.js';
import { openGround } from './composition/ground.js';
import { allHandlers } from './composition/handlers.js';
import { openIdleExit } from './composition/idle.js';
import { later } from './composition/later.js';
import { Lifetime } from './composition/lifetime.js';
import { openScrapes } from './composition/metrics.js';
import { openMachines, type Place } from './composition/machines.js';
import { openOutlook } from './composition/outlook.js';
import { openPlugins } from './composition/plugins.js';
import { openWatches } from './composition/watches.js';
import { Reloader } from './config/reloader.js';
import type { Config } from './config/schema.js';
import { version } from './config/version.js';
import type { Log } from './log/logger.js';
import { accessOf } from './rpc/access.js';
import { openListener } from './rpc/open.js';
import { serve } from './rpc/server.js';
import type { Lifecycle } from './vms/lifecycle.js';
import type { Registry } from './vms/registry.js';

/** The daemon while it runs. */
export interface Running {
  /** Stops taking work, lets what is under way finish or undoes it, and closes all. VMs live on. */
  close(): Promise<void>;
  /** Reads the configuration again, and takes up what can be. @throws configInvalid, cgroupsUnavailable */
  reload(): Promise<unknown>;
}

/** What the daemon is started with. */
export interface Given extends Place {
  readonly config: Config;
  /** Reads the configuration again. @throws configInvalid */
  readonly read: () => Promise<Config>;
  /** Whether its end is that of the VMs that it has made. */
  readonly stopVms: boolean;
  /** Called when nobody has needed it for as long as the configuration says: it is to be closed. */
  readonly onIdle: () => void;
}

/** Milliseconds for what is under way to finish at shutdown, and as long again to be undone. */
const closeDeadline = 10_000;

/**
 * Puts the daemon together, top to bottom; what is opened here is closed in reverse. Returns once it listens.
 * @throws anotherDaemon, pluginRefused, and what opening a part throws; everything opened before is closed then
 */
export async function compose(given: Given, log: Log): Promise<Running> {
  const life = new Lifetime();
  try {
    const reload = await open(life, given, log);
    return { reload, close: () => life.close(log) };
  } catch (error) {
    await life.close(log);
    throw error;
  }
}

/** @returns what reads the configuration again */
async function open(life: Lifetime, given: Given, log: Log): Promise<Running['reload']> {
  const { config, read, slice, stopVms, onIdle } = given;
  const ground = await openGround(life, { config, log });
  const plugins = { ...ground, slice, ...(await openPlugins(life, ground)) };
  const machines = { ...plugins, ...(await openMachines(life, plugins)) };
  const clones = { ...machines, ...(await openClones(life, machines)) };
  const { runDir, cx, events, registry, operations, lifecycle, slots, notifier, vitals, lock } = clones;
  const outlook = { ...clones, ...(await openOutlook(life, clones)) };
  const { handed, meter } = ground;
  let stopping = false;
  const handlers = allHandlers({
    ...outlook,
    stopping: () => stopping,
    reload: () => life.get(later.reloader).reload(),
  });
  const { path = join(runDir, 'thawd.sock'), group, users } = config.socket;
  const { inFlight, lineBytes } = config.limits;
  const limits = { inFlight, lineBytes };
  const listener = await openListener({ handed: handed.get('api'), own: { path, group, lock } }, cx);
  const server = await life.open(
    'server',
    () => serve({ listener, handlers, accessOf: accessOf(users), log, limits, meter }),
    async (served) => {
      stopping = true;
      await served.close(closeDeadline);
      await operations.idle();
      if (stopVms) await endAll(registry, lifecycle);
    },
  );
  const scrapes = await openScrapes(life, { ...outlook, server });
  const watches = await openWatches(life, outlook);
  const { reconcile } = watches.tickers;
  const status = (): string =>
    `${registry.size} VMs, ${slots.ready} slots, ${operations.running} operations under way`;
  await life.open(
    'readiness',
    () =>
      notifier.ready(() => ({
        lag: vitals.eventLoopLagMs,
        reconcile: reconcile.runningFor,
        status: status(),
      })),
    () => notifier.close(),
  );
  slots.fill();
  await openIdleExit(life, { ...outlook, server, scrapes, stopVms, exit: onIdle });
  const apply = applying(outlook, watches);
  const reloader = life.share(later.reloader, new Reloader({ config, read, apply, events, log }));
  log.info({ version, socket: listener.path, vms: registry.size, pid: process.pid }, 'listening');
  return () => reloader.reload();
}

/** Ends all VMs but those of others: the end of a daemon that was told to take its VMs along. */
async function endAll(registry: Registry, lifecycle: Lifecycle): Promise<void> {
  const ours = registry.visible().filter(({ record }) => record.adopted === null);
  await Promise.all(ours.map((vm) => lifecycle.stop(vm)));
}
