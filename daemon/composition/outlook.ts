import { Reconciler } from '../reconcile/reconciler.js';
import { ForeignVms } from '../vms/foreign.js';
import { HealthWatch } from '../vms/health-watch.js';
import type { Clones } from './clones.js';
import type { Lifetime } from './lifetime.js';

/** What looks at the run directory, and at VMs: those of others and, when something hints at it, our own. */
export async function openOutlook(life: Lifetime, parts: Clones) {
  const { config, registry, attention } = parts;
  const foreign = await life.open(
    'foreign',
    () =>
      ForeignVms.open({
        ...parts,
        ours: (dir) => registry.byDir(dir) !== undefined,
        onOurs: (dir) => attention.hint(registry.byDir(dir)),
      }),
    (vms) => vms.close(),
  );
  const reconciler = new Reconciler({ ...parts, foreign });
  const watch = new HealthWatch({ ...parts, agentSeconds: config.health.agentIntervalSeconds });
  await life.open(
    'attention',
    () => attention.begin({ ...parts, reconciler, watch }),
    () => attention.close(),
  );
  return { foreign, reconciler, watch };
}

/** All there is but the socket. */
export type Outlook = Clones & Awaited<ReturnType<typeof openOutlook>>;
