import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/**
 * The modules of an unpacked kernel package with these names, and all that they need, in the order of loading. What is
 * built into the kernel is none. @param tree its folder `lib/modules/<version>`
 */
export function modulesOf(tree: string, names: readonly string[]): readonly string[] {
  const paths = new Map(
    readdirSync(tree, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ko'))
      .map((path) => [nameOf(path), join(tree, path)]),
  );
  const order: string[] = [];
  const add = (name: string): void => {
    const path = paths.get(name);
    if (path === undefined || order.includes(path)) return;
    for (const need of needsOf(readFileSync(path))) add(need);
    order.push(path);
  };
  for (const name of names) add(name);
  return order;
}

/** Files have dashes where modules have underscores, or not. */
const nameOf = (path: string): string => basename(path, '.ko').replaceAll('-', '_');

/** `depends=` of its section .modinfo. */
function needsOf(module: Buffer): readonly string[] {
  const start = module.indexOf('\0depends=') + '\0depends='.length;
  const text = module.toString('latin1', start, module.indexOf(0, start));
  return text.split(',').filter((name) => name !== '');
}
