import { toolFailed } from '../../daemon/api/errors/host.js';
import type { Context } from '../contract.js';
import { addRules, lookAtRules, type Table } from './effects/elements.js';
import { allowIpv6 } from './forwarding.js';
import { openBridge6 } from './effects/bridge6.js';
import { openBridge } from './effects/bridge.js';
import { loadRuleset } from './effects/nft.js';
import type { Route } from './effects/route.js';
import { guestElements, guestSets } from './guest-elements.js';
import type { SetChange } from './netlink/elements.js';
import type { Network } from './networks.js';
import { forwardsText, rulesetText } from './ruleset.js';
import { vmOfAlias } from './names.js';
import { portElements, portMaps } from './port-elements.js';
import type { FilterStep, PortsStep } from './steps.js';

export interface Ground {
  readonly route: Route;
  readonly table: Table;
  readonly networks: readonly Network[];
}

/**
 * Makes bridges and tables, or takes up those that are there: what VMs have in them stays. Returns what it had to
 * change where something was there already.
 */
export async function layGround({ route, networks }: Ground, cx: Context): Promise<readonly string[]> {
  const did: string[] = [];
  for (const network of networks) {
    const mended = await openBridge({ route, network }, cx);
    did.push(...mended);
    if (!network.six || network.existing) continue;
    await allowIpv6(network.hostLink, cx);
    const fresh = [`bridge ${network.bridge}`, `link ${network.hostLink}`].some((one) =>
      mended.includes(one),
    );
    if ((await openBridge6({ route, network }, cx)) && !fresh)
      did.push(`IPv6 addresses of ${network.hostLink}`);
  }
  await loadRuleset(rulesetText(networks), cx);
  await layForwards(cx);
  return did;
}

/** Lays what ports need. On a kernel without it the maps are missing, and whoever asks for a port is told. */
async function layForwards(cx: Context): Promise<void> {
  try {
    await loadRuleset(forwardsText, cx);
  } catch (error) {
    if (!toolFailed.is(error)) throw error;
  }
}

/** The elements of `changes` that `there` lacks, set by set. Pure. */
export function lacking(changes: readonly SetChange[], there: readonly SetChange[]): readonly SetChange[] {
  return changes
    .map(({ elements, ...name }) => {
      const found = there.find(({ family, set }) => family === name.family && set === name.set);
      const keys = new Set(found?.elements.map(({ key }) => key.toString('hex')));
      return { ...name, elements: elements.filter(({ key }) => !keys.has(key.toString('hex'))) };
    })
    .filter(({ elements }) => elements.length > 0);
}

/** Makes again the ports of VMs that hold a `ports` step. Returns whose were missing. */
export async function mendPorts(
  { table }: Ground,
  steps: readonly PortsStep[],
  cx: Context,
): Promise<readonly string[]> {
  const there = await lookAtRules({ table, sets: portMaps }, cx);
  const missing = lacking(portElements(steps), there);
  if (missing.length === 0) return [];
  await addRules({ table, changes: missing }, cx);
  const marks = new Set(missing.flatMap(({ elements }) => elements.map(({ comment }) => comment)));
  return [...marks].map((mark) => `ports of ${vmOfAlias(mark) ?? ''}`);
}

/** Makes again the rules of VMs that hold a `filter` step. Returns what was missing. */
export async function mendRules(
  { table }: Ground,
  steps: readonly FilterStep[],
  cx: Context,
): Promise<readonly string[]> {
  const there = await lookAtRules({ table, sets: guestSets }, cx);
  const missing = lacking(guestElements(steps), there);
  if (missing.length === 0) return [];
  await addRules({ table, changes: missing }, cx);
  const keys = new Set(
    missing.flatMap(({ elements }) => elements.map(({ key }) => key.toString('latin1', 0, 16))),
  );
  return steps.filter(({ tap }) => keys.has(tap.padEnd(16, '\0'))).map(({ tap }) => `rules of ${tap}`);
}
