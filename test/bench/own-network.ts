import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sh } from '../plugins/network/fixture.js';

/** What a program of this folder prints as JSON, run in a network namespace of its own. */
export async function inOwnNetwork(program: string): Promise<unknown> {
  const path = fileURLToPath(new URL(`./${program}`, import.meta.url));
  const { stdout } = await promisify(execFile)('unshare', ['--net', process.execPath, path]);
  return JSON.parse(stdout);
}

/** Milliseconds for each of `count`. */
export async function timed(count: number, work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / count;
}

/** An attachment with a process for each touch, as tools without netlink make it. */
export function byTools(name: string): void {
  sh(`ip tuntap add ${name} mode tap`);
  sh(`ip link set ${name} alias tool`);
  sh(`ip link set ${name} master thaw0`);
  sh(`ip link set ${name} up`);
  sh(`nft add element bridge thaw open '{ "${name}" }'`);
}
