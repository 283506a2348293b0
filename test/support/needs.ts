import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What Debian must provide, and by which package. */
const packageOf = {
  ip: 'iproute2',
  nft: 'nftables',
  ping: 'iputils-ping',
  mount: 'mount',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  unshare: 'util-linux',
  tar: 'tar',
  iptables: 'iptables',
  'host-local': 'containernetworking-plugins',
  runc: 'runc',
  crun: 'crun',
  ctr: 'containerd',
  podman: 'podman',
  'qemu-system-x86_64': 'qemu-system-x86',
  mmdebstrap: 'mmdebstrap',
  depmod: 'kmod',
  'mkfs.ext4': 'e2fsprogs',
} as const;

export type Need = keyof typeof packageOf;

const all = Object.keys(packageOf) as Need[];

/** What makes the images of whole distributions. */
const imageMakers: readonly Need[] = ['mmdebstrap', 'depmod', 'mkfs.ext4'];

/** Without these the tests that are about them are skipped. */
const optional: readonly Need[] = ['crun', 'podman', 'qemu-system-x86_64', ...imageMakers];

/** All that the tests can't do without. */
export const allNeeds = all.filter((need) => !optional.includes(need));

/** What the demo starts, and the tests on QEMU, which they need besides. */
export const demoNeeds: readonly Need[] = [
  'ip',
  'nft',
  'ping',
  'mount',
  'nsenter',
  'setpriv',
  'unshare',
  'tar',
];
export const guestNeeds: readonly Need[] = [...demoNeeds, 'qemu-system-x86_64'];
export const imageNeeds: readonly Need[] = [...guestNeeds, ...imageMakers];

/**
 * Makes sure that programs are there: installs their packages where it may, and says so; otherwise ends the process
 * with the command to type.
 */
export function ensureNeeds(programs: readonly Need[]): void {
  if (process.getuid?.() !== 0) giveUp('Namespaces, taps and bridges need root: run this as root');
  const lacking = programs.filter((program) => !isThere(program));
  if (lacking.length === 0) return;
  const packages = [...new Set(lacking.map((program) => packageOf[program]))];
  const command = `apt-get install --no-install-recommends ${packages.join(' ')}`;
  if (!isThere('apt-get')) giveUp(`Missing: ${lacking.join(', ')}. On Debian: ${command}`);
  process.stderr.write(`Missing: ${lacking.join(', ')}; installing ${packages.join(', ')}\n`);
  const install = (): boolean => apt(['install', '--yes', '--no-install-recommends', ...packages]);
  // The lists of a fresh image are often empty: fetched only where installing fails without.
  if (!install() && !(apt(['update']) && install())) giveUp(`That failed; try: apt-get update && ${command}`);
}

/** Why a test of a program that is not there is skipped; false where it is there. */
export const lacks = (program: Need): string | false =>
  !isThere(program) && `${program} is missing: apt-get install --no-install-recommends ${packageOf[program]}`;

function isThere(program: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/lib/cni'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function apt(args: readonly string[]): boolean {
  const done = spawnSync('apt-get', ['--quiet=2', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  return done.status === 0;
}

function giveUp(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(2);
}
