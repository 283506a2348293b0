// What the tests of clones in network namespaces have in common.
import { readdir, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ParamsOf } from '../../client/index.js';
import type { Host } from '../support/host.js';

export const networks = {
  default: { bridge: 'thaw0', subnet: '10.88.0.0/24', isolate: false },
  back: { bridge: 'thaw1', subnet: '10.89.0.0/24', mtu: 1400 },
};

/** Restores the snapshot `base`. */
export const restore = (host: Host, more: Partial<ParamsOf<'snapshot.restore'>> = {}) =>
  host.client.snapshot.restore({ snapshot: 'base', strategy: 'netns', ...more });

/** Network namespaces that the daemon holds open, its own not counted. */
export async function held(host: Host): Promise<number> {
  const dir = `/proc/${host.pid}/fd`;
  const links = await Promise.all((await readdir(dir)).map((fd) => readlink(`${dir}/${fd}`).catch(() => '')));
  const own = await readlink(`/proc/${host.pid}/ns/net`);
  return links.filter((link) => link.startsWith('net:') && link !== own).length;
}

/** The same, waited for: some are made in the background, and some go there. */
export async function holds(host: Host, wanted: number): Promise<number> {
  for (let tries = 100; tries > 0; tries -= 1) {
    if ((await held(host)) === wanted) break;
    await sleep(20);
  }
  return held(host);
}
