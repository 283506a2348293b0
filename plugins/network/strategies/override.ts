import { z } from 'zod';
import { vmmTooOld } from '../../../daemon/api/errors/vmm.js';
import type { ThawError } from '../../../daemon/api/thaw-error.js';
import {
  definePlugin,
  pluginContract,
  type PlanFacts,
  type Question,
  type Step,
  type StrategyPlan,
  type Verdict,
} from '../../contract.js';
import { stepsFor } from '../steps.js';
import { limitSteps, limitsOf, nicsInsideFor, tellInside } from './inside.js';
import { olderThan } from './version.js';
import { refuser } from './words.js';

/** The first Firecracker that takes `network_overrides`. */
const needed = '1.12';

function refusal(question: Question): ThawError | null {
  const { manifest, vmmVersion, keepMac, clones } = question;
  const unfit = refuser('override', question);
  if (olderThan(vmmVersion, needed))
    return vmmTooOld({ version: vmmVersion, needed, why: 'another tap for a NIC inside a snapshot' });
  if (manifest.agent === null)
    return unfit(
      'it has no agent that could tell the guest its new address',
      'Use recorded (one clone at a time) or netns, which leave the guest as it is',
    );
  if (keepMac && clones > 1)
    return unfit(
      `its MAC can be one clone’s on each network, and ${clones} were asked for`,
      'Leave out keepMac, or restore one on each network',
    );
  return null;
}

/**
 * A snapshot with its NICs inside; each clone gets taps, MACs and addresses of its own. A Firecracker of 1.12 or newer is
 * needed, and an agent. Pure.
 */
export function judgeOverride(question: Question): Verdict {
  const inside = nicsInsideFor('override', question);
  if (!inside.ok) return inside;
  const error = refusal(question);
  if (error) return { ok: false, error };
  const places = inside.nics.map(({ nic, wish, network }) => ({
    ...{ nic: nic.id, network, address: wish.address, ports: wish.ports },
    ...{ mac: wish.mac ?? (question.keepMac ? nic.mac : undefined), ...limitsOf(wish) },
  }));
  return { ok: true, places };
}

/** Whether a step lets somebody through to the guest, or from it. */
const opens = ({ kind }: Step): boolean => kind === 'filter' || kind === 'ports';

/**
 * Taps without rules first: a port without an element in `@open` is closed, so that what the guest says as its source
 * gets no further than the tap. The rules, which open it for the new MAC and address alone, come once the guest has
 * confirmed those. Pure.
 */
export function planOverride({ nics, manifest }: PlanFacts): StrategyPlan {
  const steps = nics.flatMap(({ grant }) => stepsFor(grant));
  return {
    prepare: steps.filter((step) => !opens(step)),
    vmm: {},
    load: {
      keys: {
        network_overrides: nics.map(({ grant }) => ({ iface_id: grant.nic, host_dev_name: grant.tap })),
      },
      taps: nics.map(({ grant }) => grant.tap),
    },
    plug: limitSteps(nics),
    rescan: false,
    guest: tellInside(nics, manifest),
    settle: steps.filter(opens),
  };
}

export default definePlugin({
  kind: 'strategy',
  name: 'override',
  contract: pluginContract,
  config: z.strictObject({}),
  start: () => Promise.resolve({ slots: true, judge: judgeOverride, plan: planOverride, kinds: {} }),
});
