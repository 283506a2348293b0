/**
 * The guest's files: an overlay over the host's root whose upper layer, with /tmp and /run, is guest memory;
 * its own /proc, /sys and /dev. Nothing that it writes reaches the host: the layers are a tmpfs of its mount
 * namespace, /proc and /sys are read-only but for its own network, devices are harmless ones.
 */
import fs from 'node:fs';
import { attempt, call } from '../native/libc.js';
import { environment } from '../environment.js';

const MS = {
  rdonly: 1,
  nosuid: 2,
  nodev: 4,
  noexec: 8,
  remount: 32,
  bind: 4096,
  move: 8192,
  rec: 16384,
  private: 1 << 18,
};
const MNT_DETACH = 2;
const PIVOT_ROOT = process.arch === 'arm64' ? 41 : 155;

/**
 * Where the guest is put together, in the new mount namespace only: /sys exists on every host, and the guest
 * gets another one anyway.
 */
const work = '/sys';
const root = `${work}/root`;
export const procMount = `${work}/proc`;

/** Folders that are guest memory: the overlay's upper layer (or, without overlayfs, copies) and two more. */
export const memoryFolders = ['upper', 'tmp', 'run'] as const;
export type MemoryFolder = (typeof memoryFolders)[number];

/** Folders that a guest without overlayfs can write. */
const copied = ['etc', 'root', 'home', 'var', 'usr/local'];

function bind(from: string, to: string, flags = 0): void {
  call('mount', from, to, null, MS.bind | flags, null);
}

function readOnly(path: string): void {
  call('mount', null, path, null, MS.bind | MS.remount | MS.rdonly, null);
}

/** First part, in fresh namespaces: a private tree and an empty tmpfs. */
export function prepareMounts(): void {
  call('mount', null, '/', null, MS.rec | MS.private, null);
  call('mount', 'guest', work, 'tmpfs', MS.nosuid | MS.nodev, 'mode=755,size=256m');
  for (const folder of ['root', 'proc', 'work', ...memoryFolders]) fs.mkdirSync(`${work}/${folder}`);
  fs.chmodSync(`${work}/tmp`, 0o1777);
}

/** Where a folder of guest memory lies until the guest has its root. */
export const memoryPath = (folder: MemoryFolder): string => `${work}/${folder}`;
/** And where once it has. */
export const guestPathOf = (folder: string): string => (folder === 'upper' ? '' : `/${folder}`);

function mountOverlay(): boolean {
  if (environment.root === 'bind') return false;
  return attempt(
    'mount',
    'overlay',
    root,
    'overlay',
    0,
    `lowerdir=/,upperdir=${work}/upper,workdir=${work}/work`,
  );
}

/** Without overlayfs: the host's root read-only, with copies of what a guest writes to. */
function mountCopies(): void {
  bind('/', root);
  readOnly(root);
  for (const folder of copied) {
    if (!fs.existsSync(`/${folder}`)) continue;
    const copy = `${work}/upper/${folder}`;
    if (!fs.existsSync(copy)) {
      fs.mkdirSync(copy, { recursive: true });
      // Only /etc matters to what a restore does; big trees start empty.
      if (folder === 'etc')
        fs.cpSync('/etc', copy, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    }
    bind(copy, `${root}/${folder}`);
  }
}

/** File systems of the host that its programs may need, as far as the overlay of / does not show them. */
function mountSystemFolders(): void {
  const points = new Set(
    fs
      .readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? ''),
  );
  for (const folder of ['/usr', '/bin', '/sbin', '/lib', '/lib64', '/etc', '/opt', '/nix']) {
    if (!points.has(folder)) continue;
    bind(folder, `${root}${folder}`);
    readOnly(`${root}${folder}`);
  }
}

function mountProc(): void {
  call('mount', procMount, `${root}/proc`, null, MS.move, null);
  // The one part of /proc/sys that belongs to a network namespace, and the names of the UTS namespace.
  for (const path of ['net', 'kernel/hostname', 'kernel/domainname']) {
    const full = `${root}/proc/sys/${path}`;
    if (fs.existsSync(full)) bind(full, full);
  }
  readOnly(`${root}/proc`);
}

function mountSys(): void {
  call('mount', 'sysfs', `${root}/sys`, 'sysfs', MS.nosuid | MS.nodev | MS.noexec, null);
  const own = `${root}/sys/devices/virtual/net`;
  if (fs.existsSync(own)) bind(own, own);
  // The host's buses disappear under an empty tmpfs; pci-sysfs.ts fills in what the guest may see of one.
  call('mount', 'bus', `${root}/sys/bus`, 'tmpfs', MS.nosuid | MS.nodev | MS.noexec, 'mode=755');
  readOnly(`${root}/sys`);
}

function mountDev(): void {
  const dev = `${root}/dev`;
  call('mount', 'dev', dev, 'tmpfs', MS.nosuid, 'mode=755');
  for (const name of ['null', 'zero', 'full', 'tty']) {
    fs.writeFileSync(`${dev}/${name}`, '');
    bind(`/dev/${name}`, `${dev}/${name}`);
  }
  for (const folder of ['pts', 'shm', 'net']) fs.mkdirSync(`${dev}/${folder}`);
  fs.writeFileSync(`${dev}/net/tun`, '');
  bind('/dev/net/tun', `${dev}/net/tun`);
  attempt(
    'mount',
    'devpts',
    `${dev}/pts`,
    'devpts',
    MS.nosuid | MS.noexec,
    'newinstance,ptmxmode=0666,mode=620',
  );
  const links = {
    fd: '/proc/self/fd',
    stdin: '/proc/self/fd/0',
    stdout: '/proc/self/fd/1',
    stderr: '/proc/self/fd/2',
    ptmx: 'pts/ptmx',
  };
  for (const [name, target] of Object.entries(links)) fs.symlinkSync(target, `${dev}/${name}`);
}

/** Second part: mounts everything and makes it the root. */
export function mountRoot(beforePivot: (root: string) => void, setRoot: () => void): void {
  if (!mountOverlay()) mountCopies();
  mountSystemFolders();
  for (const folder of ['tmp', 'run'] as const) bind(memoryPath(folder), `${root}/${folder}`);
  mountProc();
  mountSys();
  mountDev();
  beforePivot(root);
  call('chdir', root);
  // Fails where the root is an initramfs; the chroot of every entry holds all the same.
  if (pivotRoot()) attempt('umount2', '.', MNT_DETACH);
  call('chdir', '.');
  setRoot();
  call('chroot', '.');
}

function pivotRoot(): boolean {
  return attempt('syscall2', PIVOT_ROOT, '.', '.');
}
