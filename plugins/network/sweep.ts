import type { VmId } from '../../daemon/api/shapes/ids.js';
import type { Alive, Context } from '../contract.js';
import { lookAtRules, removeRules, type Table } from './effects/elements.js';
import type { LinkRemover } from './effects/remover.js';
import { lookAtLinks, type Route } from './effects/route.js';
import { removeTap } from './effects/tap.js';
import { guestSets } from './guest-elements.js';
import { vmOfAlias } from './names.js';
import type { SetChange } from './netlink/elements.js';
import { portMaps } from './port-elements.js';

export interface SweepTools {
  readonly route: Route;
  readonly table: Table;
  readonly remover: LinkRemover;
}

/** What carries our mark and belongs to nobody. */
interface Strays {
  readonly links: readonly { readonly name: string; readonly vm: VmId }[];
  readonly changes: readonly SetChange[];
  /** The same for people. */
  readonly names: readonly string[];
}

/**
 * Links and elements whose mark names a VM that is not in `alive`. Nothing else says whose a thing is: a name like
 * ours, an alias almost like ours are somebody else's.
 */
export async function findStrays(
  { route, table }: Pick<SweepTools, 'route' | 'table'>,
  alive: Alive,
  cx: Context,
): Promise<Strays> {
  const nobodys = (mark: string | null) => {
    const vm = vmOfAlias(mark);
    return vm !== null && !alive.has(vm) ? vm : null;
  };
  const seen = await lookAtLinks(route, cx);
  const links = seen.links.flatMap(({ name, alias }) => {
    const vm = nobodys(alias);
    return vm === null ? [] : [{ name, vm }];
  });
  const stray = async (sets: typeof guestSets | typeof portMaps) =>
    (await lookAtRules({ table, sets }, cx))
      .map(({ elements, ...name }) => ({
        ...name,
        elements: elements.filter(({ comment }) => nobodys(comment) !== null),
      }))
      .filter(({ elements }) => elements.length > 0);
  const [rules, ports] = [await stray(guestSets), await stray(portMaps)];
  return {
    links,
    changes: [...rules, ...ports],
    names: [
      ...links.map(({ name }) => `tap ${name}`),
      ...vmsOf(rules).map((vm) => `rules of ${vm}`),
      ...vmsOf(ports).map((vm) => `ports of ${vm}`),
    ],
  };
}

function vmsOf(changes: readonly SetChange[]): readonly string[] {
  return [
    ...new Set(
      changes.flatMap(({ elements }) => elements.flatMap(({ comment }) => vmOfAlias(comment) ?? [])),
    ),
  ];
}

/** Removes what {@link findStrays} finds; returns what it removed, for people. */
export async function sweep(
  { route, table, remover }: SweepTools,
  alive: Alive,
  cx: Context,
): Promise<readonly string[]> {
  const { links, changes, names } = await findStrays({ route, table }, alive, cx);
  await Promise.all(links.map(({ name, vm }) => removeTap({ route, remover, name, vm }, cx)));
  if (changes.length > 0) await removeRules({ table, changes }, cx);
  return names;
}
