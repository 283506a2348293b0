import { stopping } from '../api/errors/rpc.js';
import { Containers } from '../containers/containers.js';
import { Turnstile } from '../operations/turnstile.js';
import { Orders } from '../restore/orders.js';
import { Restorer } from '../restore/restorer.js';
import { slotMaker } from '../restore/slot-maker.js';
import { slotRecipe } from '../restore/slot-recipe.js';
import { SlotPool } from '../restore/slots.js';
import { later } from './later.js';
import type { Lifetime } from './lifetime.js';
import type { Machines } from './machines.js';

/** What restores clones: slots made ready, orders, and those of containers. */
export async function openClones(life: Lifetime, parts: Machines) {
  const { config, log, meter, cx, background, fleet, lifecycle, catalog, strategies } = parts;
  const recipe = () => slotRecipe(config.slots, { strategies, find: (ref) => catalog.find(ref) });
  const slots = await life.open(
    'slots',
    () =>
      new SlotPool({
        size: config.slots.size,
        recipe,
        make: slotMaker({ ...parts, recipe }, cx),
        alive: (vm) => fleet.find(vm.id) !== undefined && vm.operation === null,
        end: (vm) => lifecycle.stop(vm),
        ...{ log, meter },
      }),
    (pool) => {
      // One in the making is undone, not waited for.
      background.abort(stopping({}));
      return pool.close();
    },
  );
  const turnstile = new Turnstile(config.limits.parallel);
  const restorer = life.share(later.restorer, new Restorer({ ...parts, slots, guest: config.guest }));
  const orders = life.share(later.orders, new Orders({ ...parts, restorer, slots, turnstile }));
  const containers = await life.open(
    'containers',
    () => Containers.open({ ...parts, orders }),
    (all) => all.close(),
  );
  return { slots, turnstile, restorer, orders, containers };
}

/** All that serves requests. */
export type Clones = Machines & Awaited<ReturnType<typeof openClones>>;
