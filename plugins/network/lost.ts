import type { Context } from '../contract.js';
import { lookAtRules } from './effects/elements.js';
import { lookAtLinks } from './effects/route.js';
import { guestElements, guestSets } from './guest-elements.js';
import { bridgeLoss } from './host/bridges.js';
import { lacking, type Ground } from './mend.js';
import { vmOfAlias } from './names.js';
import { portElements, portMaps } from './port-elements.js';
import type { SetChange } from './netlink/elements.js';
import type { FilterStep, PortsStep } from './steps.js';

/** What mending would have to make again: bridges, and VMs' elements in the tables. Changes nothing. */
export async function lookForLost(
  { route, table, networks }: Ground,
  held: { readonly filters: readonly FilterStep[]; readonly ports: readonly PortsStep[] },
  cx: Context,
): Promise<readonly string[]> {
  const seen = await lookAtLinks(route, cx);
  const bridges = networks.filter((network) => bridgeLoss(network, seen));
  const rules = lacking(guestElements(held.filters), await lookAtRules({ table, sets: guestSets }, cx));
  const ports = lacking(portElements(held.ports), await lookAtRules({ table, sets: portMaps }, cx));
  return [
    ...bridges.map(({ bridge }) => `bridge ${bridge}`),
    ...whose(rules).map((vm) => `rules of ${vm}`),
    ...whose(ports).map((vm) => `ports of ${vm}`),
  ];
}

function whose(changes: readonly SetChange[]): readonly string[] {
  const marks = changes.flatMap(({ elements }) => elements.map(({ comment }) => comment));
  return [...new Set(marks)].flatMap((mark) => vmOfAlias(mark) ?? []);
}
