import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { stopping as stoppingError } from './api/errors/rpc.js';
import { Agents } from './agent/agents.js';
import { allKinds } from './composition/kinds.js';
import { Lifetime, token } from './composition/lifetime.js';
import { hostParts } from './composition/plugin-host.js';
import { Reloader } from './config/reloader.js';
import type { Config } from './config/schema.js';
import { version } from './config/version.js';
import { Containers } from './containers/containers.js';
import { faultsFrom } from './effects/faults.js';
import { folderMake } from './effects/folders.js';
import { hostLook } from './effects/host.js';
import { lockTake } from './effects/lock.js';
import { EventHub } from './events/hub.js';
import type { Log } from './log/logger.js';
import { Vitals } from './metrics/vitals.js';
import { agentHandlers } from './methods/agent.js';
import { eventHandlers } from './methods/events.js';
import { hookHandlers } from './methods/hook.js';
import { networkHandlers } from './methods/network.js';
import { rpcHandlers } from './methods/rpc.js';
import { snapshotHandlers } from './methods/snapshot.js';
import { systemHandlers } from './methods/system.js';
import { vmHandlers } from './methods/vm.js';
import { Operations } from './operations/operations.js';
import { Ticker } from './operations/ticker.js';
import { Turnstile } from './operations/turnstile.js';
import { loadPlugins } from './plugins/load.js';
import { reconcileAtStart } from './reconcile/reconcile.js';
import { Reconciler } from './reconcile/reconciler.js';
import { Records } from './records/records.js';
import { Orders } from './restore/orders.js';
import { proveDraft } from './restore/proof.js';
import { Restorer } from './restore/restorer.js';
import { slotMaker } from './restore/slot-maker.js';
import { slotRecipe } from './restore/slot-recipe.js';
import { SlotPool, type Wanted } from './restore/slots.js';
import { openListener } from './rpc/open.js';
import { serve } from './rpc/server.js';
import { accessOf } from './rpc/access.js';
import { Catalog } from './snapshots/catalog.js';
import { Deleter } from './snapshots/deleter.js';
import { Snapshotter } from './snapshots/snapshotter.js';
import { Notifier } from './systemd/notifier.js';
import { Binaries } from './vmm/binaries.js';
import { Cgroups } from './vmm/cgroups.js';
import { Fleet } from './vmm/fleet.js';
import { Adopter } from './vms/adopter.js';
import { Booter } from './vms/booter.js';
import { Checker } from './vms/checker.js';
import { Collector } from './vms/collector.js';
import { ForeignVms } from './vms/foreign.js';
import { Health } from './vms/health.js';
import { HealthWatch } from './vms/health-watch.js';
import { Lifecycle } from './vms/lifecycle.js';
import { LogKeeper } from './vms/log-keeper.js';
import { Lifetimes } from './vms/lifetimes.js';
import { Nics } from './vms/nics.js';
import { Power } from './vms/power.js';
import { Registry } from './vms/registry.js';
import { Reservations } from './vms/reservations.js';
import { Updater } from './vms/updater.js';
import { Upgrader } from './vms/upgrader.js';
import { Vms } from './vms/vms.js';
import http from '../plugins/agent/http.js';
import qemuGa from '../plugins/agent/qemu-ga.js';
import bridge from '../plugins/network/fabric.js';
import hotAttach from '../plugins/network/strategies/hot-attach.js';
import netns from '../plugins/network/strategies/netns.js';
import none from '../plugins/network/strategies/none.js';
import override from '../plugins/network/strategies/override.js';
import predictable from '../plugins/network/strategies/predictable.js';
import recorded from '../plugins/network/strategies/recorded.js';
import local from '../plugins/storage/local.js';

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
}

/** Where it runs. */
export interface Place {
  /** Of systemd: its VMMs are services of their own under it. */
  readonly slice?: string | undefined;
}

/** Milliseconds for each plugin to start, and to close. */
const pluginDeadline = 10_000;
/** Milliseconds for what is under way to finish at shutdown, and as long again to be undone. */
const closeDeadline = 10_000;

const part = {
  orders: token<Orders>('orders'),
  restorer: token<Restorer>('restorer'),
  reloader: token<Reloader>('reloader'),
};

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
async function open(
  life: Lifetime,
  { config, read, stopVms, slice }: Given,
  log: Log,
): Promise<Running['reload']> {
  const { runDir, storeDir } = config;
  const operations = new Operations(faultsFrom(process.env));
  const background = new AbortController();
  const cx = operations.looking(background.signal);
  const events = new EventHub(randomUUID());
  const registry = new Registry();

  const notifier = await life.open(
    'notifier',
    () => new Notifier(process.env, process.pid, operations.looking(new AbortController().signal)),
    () => undefined,
  );
  await folderMake({ dir: runDir, mode: 0o711 }, cx);
  await folderMake({ dir: join(runDir, 'vms'), mode: 0o700 }, cx);
  await folderMake({ dir: storeDir, mode: 0o700 }, cx);
  const close = (part: { close(): unknown }): void => void part.close();
  const lock = await life.open('run lock', () => lockTake(join(runDir, 'thawd.lock'), cx), close);
  await life.open('store lock', () => lockTake(join(storeDir, 'thawd.lock'), cx), close);
  const vitals = await life.open('vitals', () => new Vitals(), close);
  const records = await Records.open(runDir, cx);

  const { paths, settings } = config.plugins;
  const builtIn = [bridge, local, hotAttach, override, netns, predictable, recorded, none, qemuGa, http];
  const own = [
    ['networks', config.networks] as const,
    ['netns', config.netns] as const,
    ['cni', config.cni] as const,
  ].filter(([, value]) => value !== undefined);
  const fabricSettings = own.length > 0 ? { bridge: Object.fromEntries(own) } : {};
  const wish = {
    builtIn,
    paths,
    settings: { ...fabricSettings, ...settings },
    deadline: pluginDeadline,
  };
  const plugins = await life.open(
    'plugins',
    () => loadPlugins(wish, hostParts(config, log), cx),
    (set) => set.close(),
  );
  const { fabric, storage: store } = plugins;

  const fleet: Fleet = await life.open(
    'fleet',
    () =>
      new Fleet({
        ...config.firecracker,
        slice,
        binaries: new Binaries(),
        onExit: (process, exit) => {
          const vm = registry.byId(process.vm);
          if (!vm) return;
          lifecycle.ended(vm, { process, exit }).catch((err: unknown) => {
            log.error({ vm: vm.id, err }, 'an ended VM could not be freed');
          });
        },
      }),
    close,
  );
  const agents = await life.open(
    'agents',
    () => new Agents(plugins.dialects),
    (all) => all.closeAll(),
  );
  const kinds = allKinds({
    plugins,
    fleet,
    agents,
    prove: (snapshot, inner) => store.verify(catalog.find(snapshot), false, inner),
    verify: (step, inner) =>
      proveDraft({ orders: life.get(part.orders), restorer: life.get(part.restorer), lifecycle })(
        step,
        inner,
      ),
  });
  const bench = { records, kinds };
  const lifecycle = new Lifecycle({ bench, registry, operations, events, log, fleet, agents });
  const health = new Health({ fleet, agents, events });
  const host = await hostLook(undefined, cx);
  registry.room.limit(config.limits);
  const cgroups = new Cgroups({ ...config.cgroups, slice });
  // Refused now rather than at the first VM.
  await cgroups.confinement(undefined, cx);
  const lifetimes = new Lifetimes({ registry, records, lifecycle, operations, events, log });
  const common = {
    ...{ runDir, store, fabric, fleet, agents, registry, operations, lifecycle, lifetimes, events },
    cgroups,
  };
  await reconcileAtStart({ ...common, records, kinds, health, log }, cx);
  // Only now: what a daemon before had published and not committed is gone by now.
  const catalog = await Catalog.open(store, cx);
  const reconciler = new Reconciler({ ...common, records, kinds, log });

  const recipe = () =>
    slotRecipe(config.slots, { strategies: plugins.strategies, find: (ref) => catalog.find(ref) });
  const slots = await life.open(
    'slots',
    () =>
      new SlotPool({
        size: config.slots.size,
        recipe,
        make: slotMaker({ ...common, recipe }, cx),
        alive: (vm) => fleet.find(vm.id) !== undefined && vm.operation === null,
        end: (vm) => lifecycle.stop(vm),
        log,
      }),
    (pool) => {
      // One in the making is undone, not waited for.
      background.abort(stoppingError({}));
      return pool.close();
    },
  );
  const turnstile = new Turnstile(config.limits.parallel);
  const restorer = life.share(part.restorer, new Restorer({ ...common, slots, guest: config.guest }));
  const { strategies } = plugins;
  const orders = life.share(
    part.orders,
    new Orders({ ...common, catalog, host, strategies, restorer, turnstile }),
  );
  const containers = await life.open(
    'containers',
    () => Containers.open({ ...common, orders: life.get(part.orders), records, log }),
    (part) => part.close(),
  );
  const draftDir = store.draftDir.bind(store);
  const snapshotter = new Snapshotter({ ...common, catalog, draftDir, health, host });
  const makeWay = (wanted: readonly Wanted[]) => slots.makeWay(wanted, fabric);
  const nics = new Nics({ fabric, operations, lifecycle, makeWay });
  const ours = (dir: string): boolean => registry.byDir(dir) !== undefined;
  const foreign = await life.open(
    'foreign',
    () => ForeignVms.open({ runDir, ours, events, cx }),
    (watch) => watch.close(),
  );
  const vms = new Vms(registry, foreign);
  const adopter = new Adopter({ ...common, records, foreign });
  const { roots } = config;
  let stopping = false;
  const handlers = {
    ...rpcHandlers(),
    ...hookHandlers({ containers }),
    ...eventHandlers({ hub: events, vms: () => vms.list() }),
    ...systemHandlers({
      ...common,
      ...{ config, roots, startedAt: Date.now(), slots, vitals, reconciler },
      plugins: () => plugins.list(),
      stopping: () => stopping,
      reload: () => life.get(part.reloader).reload(),
    }),
    ...vmHandlers({
      ...{ roots, vms, adopter, lifecycle, lifetimes, operations, turnstile },
      booter: new Booter({
        ...common,
        makeWay,
        predictable: strategies.get('predictable'),
        reservations: new Reservations(registry, (id) => catalog.has(id)),
      }),
      power: new Power({ ...common, health }),
    }),
    ...snapshotHandlers({
      ...{ vms, nics, registry, catalog, store, snapshotter, orders, operations },
      deleter: new Deleter({ catalog, store, registry, operations, events }),
    }),
    ...networkHandlers({
      ...{ vms, nics, fabric, operations, orders },
      checker: new Checker({ registry, kinds, fabric }),
      collector: new Collector(common),
    }),
    ...agentHandlers({
      vms,
      agents,
      operations,
      roots,
      upgrader: new Upgrader({ operations, lifecycle }),
      updater: new Updater({ operations, lifecycle, health, needs: config.guest.needs }),
    }),
  };

  const { path = join(runDir, 'thawd.sock'), group, users } = config.socket;
  const { inFlight, lineBytes } = config.limits;
  const listener = await openListener({ path, group, lock }, cx);
  await life.open(
    'server',
    () => serve({ listener, handlers, accessOf: accessOf(users), log, limits: { inFlight, lineBytes } }),
    async (server) => {
      stopping = true;
      await server.close(closeDeadline);
      await operations.idle();
      if (stopVms) await endAll(registry, lifecycle);
    },
  );
  const { intervalSeconds: seconds, agentIntervalSeconds: agentSeconds } = config.health;
  const watch = new HealthWatch({ ...common, health, agentSeconds });
  const healthTicker = await life.open(
    'health',
    () =>
      new Ticker({
        seconds,
        run: (signal) => watch.look(signal),
        onError: (err) => log.error({ err }, 'looking after the VMs failed'),
      }),
    (ticker) => ticker.close(),
  );
  const logKeeper = new LogKeeper({ registry, operations, log, most: config.vmmLog.bytes });
  await life.open(
    'logs',
    () =>
      new Ticker({
        seconds: 1,
        run: (signal) => logKeeper.look(signal),
        onError: (err) => log.error({ err }, 'looking at the VMs’ logs failed'),
      }),
    (ticker) => ticker.close(),
  );
  await life.open(
    'lifetimes',
    () => {
      const onError = (err: unknown): void => log.error({ err }, 'a lifetime could not be written down');
      const run = (signal: AbortSignal): Promise<void> => lifetimes.look(signal);
      run(background.signal).catch(onError);
      return new Ticker({ seconds: 1, run, onError });
    },
    async (ticker) => {
      await ticker.close();
      await lifetimes.close();
    },
  );
  const reconcileTicker = await life.open(
    'reconcile',
    () =>
      new Ticker({
        seconds: config.reconcile.intervalSeconds,
        run: (signal) => reconciler.run(false, signal),
        onError: (err) => log.error({ err }, 'reconcile failed'),
      }),
    (ticker) => ticker.close(),
  );
  const status = (): string =>
    `${registry.size} VMs, ${slots.ready} slots, ${operations.running} operations under way`;
  await life.open(
    'readiness',
    () =>
      notifier.ready(() => ({
        lag: vitals.eventLoopLagMs,
        reconcile: reconcileTicker.runningFor,
        status: status(),
      })),
    () => notifier.close(),
  );
  slots.fill();
  const apply = async (next: Config): Promise<void> => {
    // The one that can be refused comes first.
    await cgroups.standard(next.cgroups.limits, cx);
    registry.room.limit(next.limits);
    healthTicker.every(next.health.intervalSeconds);
    watch.askEvery(next.health.agentIntervalSeconds);
    reconcileTicker.every(next.reconcile.intervalSeconds);
    logKeeper.bound(next.vmmLog.bytes);
    log.level = next.log.level;
  };
  const reloader = life.share(part.reloader, new Reloader({ config, read, apply, events, log }));
  log.info({ version, socket: listener.path, vms: registry.size, pid: process.pid }, 'listening');
  return () => reloader.reload();
}

/** Ends all VMs but those of others: the end of a daemon that was told to take its VMs along. */
async function endAll(registry: Registry, lifecycle: Lifecycle): Promise<void> {
  const ours = registry.visible().filter(({ record }) => record.adopted === null);
  await Promise.all(ours.map((vm) => lifecycle.stop(vm)));
}
