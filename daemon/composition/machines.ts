import { Agents } from '../agent/agents.js';
import { hostLook } from '../effects/host.js';
import { Attention } from '../reconcile/attention.js';
import { reconcileAtStart } from '../reconcile/reconcile.js';
import { proveDraft } from '../restore/proof.js';
import { Catalog } from '../snapshots/catalog.js';
import { factsOf } from '../snapshots/view.js';
import { Binaries } from '../vmm/binaries.js';
import { Cgroups } from '../vmm/cgroups.js';
import { Fleet } from '../vmm/fleet.js';
import { Health } from '../vms/health.js';
import { Herald } from '../vms/herald.js';
import { Lifecycle } from '../vms/lifecycle.js';
import { Lifetimes } from '../vms/lifetimes.js';
import type { Ground } from './ground.js';
import { allKinds } from './kinds.js';
import { later } from './later.js';
import { closed, type Lifetime } from './lifetime.js';
import type { openPlugins } from './plugins.js';

/** Where the daemon runs. */
export interface Place {
  /** Of systemd: its VMMs are services of their own under it. */
  readonly slice?: string | undefined;
}

type Parts = Ground & Place & Awaited<ReturnType<typeof openPlugins>>;

/**
 * VMs, their VMMs and their agents, those of an earlier daemon taken up, and the snapshots.
 * @throws cgroupsUnavailable, and what cannot be read of the store
 */
export async function openMachines(life: Lifetime, parts: Parts) {
  const { config, slice, log, cx, operations, records, events, registry, plugins, store } = parts;
  const { moments } = plugins;
  const attention = new Attention();
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
        onHint: (vm) => attention.hint(registry.byId(vm)),
      }),
    closed,
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
      proveDraft({ orders: life.get(later.orders), restorer: life.get(later.restorer), lifecycle })(
        step,
        inner,
      ),
  });
  const bench = { records, kinds };
  const herald = new Herald({ events, moments });
  const lifecycle = new Lifecycle({ bench, registry, operations, herald, log, fleet, agents });
  const health = new Health({ fleet, agents, herald });
  const host = await hostLook(undefined, cx);
  registry.room.limit(config.limits);
  const cgroups = new Cgroups({ ...config.cgroups, slice });
  // Refused now rather than at the first VM.
  await cgroups.confinement(undefined, cx);
  const lifetimes = new Lifetimes({ registry, records, lifecycle, operations, events, log });
  const machines = { fleet, agents, kinds, herald, moments, lifecycle, health, host, cgroups, lifetimes };
  await reconcileAtStart({ ...parts, ...machines }, cx);
  // Only now: what a daemon before had published and not committed is gone by now.
  const catalog = await Catalog.open(store, cx);
  await moments.synchronize(() => ({
    vms: registry.visible().map((vm) => vm.view()),
    snapshots: catalog.all().map(factsOf),
  }));
  return { ...machines, attention, catalog };
}

/** All that there is before clones can be made. */
export type Machines = Parts & Awaited<ReturnType<typeof openMachines>>;
