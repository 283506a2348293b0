import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Box } from './box.js';

/** What there is inside a box and its folders, one line for each thing that could be left behind. */
export async function inventory(box: Box, own: readonly number[]): Promise<readonly string[]> {
  const [processes, links, rules, mounts, files] = await Promise.all([
    processesOf(box, own),
    linksOf(box),
    rulesOf(box),
    box.mounts(),
    filesOf(box),
  ]);
  return [...processes, ...links, ...rules, ...mounts.map((path) => `mount ${path}`), ...files];
}

async function processesOf(box: Box, own: readonly number[]): Promise<readonly string[]> {
  const inmates = await box.inmates();
  return inmates
    .filter(({ pid }) => !own.includes(pid))
    .map(({ pid, name, cwd }) => `process ${pid} ${name} in ${cwd ?? '?'}`);
}

interface Link {
  readonly ifname: string;
  readonly ifalias?: string;
  readonly linkinfo?: { readonly info_kind?: string };
}

/** Bridges belong to networks and stay; everything else that is not there from the start belongs to a VM. */
async function linksOf(box: Box): Promise<readonly string[]> {
  const links = JSON.parse(await box.exec('ip', '-json', '-details', 'link', 'show')) as Link[];
  return links
    .filter((link) => link.linkinfo?.info_kind !== 'bridge')
    .map((link) => `link ${link.ifname} ${link.linkinfo?.info_kind ?? ''} ${link.ifalias ?? ''}`.trimEnd());
}

type RuleObject = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The elements of all sets and maps: what a VM is in the rules. */
async function rulesOf(box: Box): Promise<readonly string[]> {
  const { nftables } = JSON.parse(await box.exec('nft', '--json', 'list', 'ruleset')) as {
    nftables: RuleObject[];
  };
  return nftables.flatMap((object) => {
    const set = object['set'] ?? object['map'];
    if (!set || !Array.isArray(set['elem'])) return [];
    return set['elem'].map(
      (element) => `nft ${String(set['table'])} ${String(set['name'])} ${JSON.stringify(element)}`,
    );
  });
}

/** All beneath the run directory, and of the store what does not belong to a snapshot. */
async function filesOf(box: Box): Promise<readonly string[]> {
  const store = await Promise.all(
    ['drafts', 'trash', 'vms'].map((folder) => walk(box.seen(join(box.storeDir, folder)), 1)),
  );
  // What a daemon that has ended leaves of its events is for the next one.
  const run = (await walk(box.seen(box.runDir), 3)).filter((path) => basename(path) !== 'events.json');
  return [...run, ...store.flat()].map((path) => `file ${path}`);
}

async function walk(dir: string, depth: number): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  const paths = await Promise.all(
    entries.map(async (entry) => {
      const path = join(dir, entry.name);
      return entry.isDirectory() && depth > 1 ? [path, ...(await walk(path, depth - 1))] : [path];
    }),
  );
  return paths.flat();
}
