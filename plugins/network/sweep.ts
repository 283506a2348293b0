import type { Context } from '../contract.js';
import { lookAtRules, removeRules, type Table } from './effects/elements.js';
import type { LinkRemover } from './effects/remover.js';
import { lookAtLinks, type Route } from './effects/route.js';
import { removeTap } from './effects/tap.js';
import { guestSets } from './guest-elements.js';
import { vmOfAlias } from './names.js';

export interface SweepTools {
  readonly route: Route;
  readonly table: Table;
  readonly remover: LinkRemover;
}

/**
 * Removes links and elements whose mark names a VM that is not in `alive`. Nothing else says whose a thing is: a name
 * like ours, an alias almost like ours are somebody else's.
 */
export async function sweep(
  { route, table, remover }: SweepTools,
  alive: ReadonlySet<string>,
  cx: Context,
): Promise<readonly string[]> {
  const nobodys = (mark: string | null) => {
    const vm = vmOfAlias(mark);
    return vm !== null && !alive.has(vm) ? vm : null;
  };
  const { links } = await lookAtLinks(route, cx);
  const gone = links.flatMap(({ name, alias }) => {
    const vm = nobodys(alias);
    return vm === null ? [] : [{ route, remover, name, vm }];
  });
  await Promise.all(gone.map((one) => removeTap(one, cx)));
  const there = await lookAtRules({ table, sets: guestSets }, cx);
  const changes = [...there].map(([set, elements]) => ({
    set,
    elements: elements.filter(({ comment }) => nobodys(comment) !== null),
  }));
  const vms = new Set(changes.flatMap(({ elements }) => elements.map(({ comment }) => nobodys(comment))));
  if (vms.size > 0)
    await removeRules({ table, changes: changes.filter((one) => one.elements.length > 0) }, cx);
  return [...gone.map(({ name }) => `tap ${name}`), ...[...vms].map((vm) => `rules of ${vm ?? ''}`)];
}
