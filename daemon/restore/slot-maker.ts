import type { Operations } from '../operations/operations.js';
import { newVmId } from '../operations/ids.js';
import { emptyRecord } from '../records/make.js';
import { Claims } from '../vms/claims.js';
import type { Capabilities } from '../vmm/capabilities.js';
import type { Fleet } from '../vmm/fleet.js';
import type { Lifecycle } from '../vms/lifecycle.js';
import { Vm } from '../vms/vm.js';
import type { Context, Fabric, Grant, Place, Step } from '../../plugins/contract.js';
import { Gathering } from './gathering.js';
import { planSlot } from './plan.js';
import type { FullRecipe } from './slot-recipe.js';
import type { SlotMaking } from './slots.js';

export interface SlotMakerParts {
  readonly runDir: string;
  readonly fabric: Fabric;
  readonly fleet: Fleet;
  readonly operations: Operations;
  readonly lifecycle: Lifecycle;
  readonly recipe: () => FullRecipe;
}

/** One of several slots that are made at once. */
interface Planned {
  readonly vm: Vm;
  readonly grants: readonly Grant[];
  readonly steps: readonly Step[];
}

/**
 * Makes slots: VMs without a name, journaled like any other, so that one half made when the daemon dies is undone too.
 * The taps and rules of several are made in one go, once all their records name them.
 */
export const slotMaker =
  (parts: SlotMakerParts, cx: Context) => async (count: number, making: SlotMaking) => {
    const { fabric, fleet, operations, lifecycle } = parts;
    const vmm = await fleet.capabilities(cx);
    const recipe = parts.recipe();
    const places = recipe.places(vmm.version);
    const planned = plannedFor(count, { ...parts, recipe, places, vmm });
    for (const { grants } of planned) making.granted(grants);
    const all = planned.flatMap(({ steps }) => steps);
    const gathering = new Gathering(planned, () => fabric.prepare(all, cx));
    const make = async (slot: Planned): Promise<void> => {
      const { vm, grants, steps } = slot;
      const operation = operations.begin({ method: 'slot.fill', vm: vm.id, name: null, signal: cx.signal });
      const commit = () => ({ steps: [...steps], process: fleet.identity(vm.id) });
      const written = () => gathering.arrive(slot);
      try {
        await lifecycle.make(vm, { operation, steps, makes: true, written, commit }, false);
      } finally {
        gathering.leave(slot);
      }
      making.made({ vm, grants, ended: fleet.find(vm.id)?.process.exited ?? Promise.resolve() });
    };
    const outcomes = await Promise.allSettled(planned.map(make));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  };

/** As many as there is room for, one at least. @throws what the fabric refuses the first with */
function plannedFor(
  count: number,
  {
    fabric,
    runDir,
    recipe,
    places,
    vmm,
  }: Omit<SlotMakerParts, 'recipe'> & { recipe: FullRecipe; places: readonly Place[]; vmm: Capabilities },
): readonly Planned[] {
  const planned: Planned[] = [];
  while (planned.length < count) {
    const id = newVmId();
    const claims = new Claims();
    try {
      const vm = new Vm(emptyRecord(id, 'restored', vmm.version), runDir);
      const grants = places.map((place) => claims.grant(fabric, { ...place, vm: id }));
      const slot = slotPlan(recipe, { id, vmmVersion: vmm.version, places, grants, fabric });
      const steps = planSlot({ id, name: id, dir: vm.dir }, vmm.has('pci'), slot);
      planned.push({ vm, grants, steps });
    } catch (error) {
      claims.giveBack();
      if (planned.length === 0) throw error;
      break;
    }
  }
  return planned;
}

/** What a clone would be prepared with. */
function slotPlan(
  { manifest, strategy }: FullRecipe,
  of: {
    id: Vm['id'];
    vmmVersion: string;
    places: readonly Place[];
    grants: readonly Grant[];
    fabric: Fabric;
  },
): Parameters<typeof planSlot>[2] {
  const { id, vmmVersion, places, grants, fabric } = of;
  if (!manifest) return { prepare: grants.flatMap((grant) => fabric.stepsFor(grant)), vmm: {} };
  const nics = places.flatMap((place, n) => (grants[n] ? [{ place, grant: grants[n] }] : []));
  return strategy.plugin.plan({ vm: { id, name: id }, manifest, vmmVersion, nics });
}
