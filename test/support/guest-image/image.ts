import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Entry, packCpio } from './cpio.js';
import { init, modules } from './init.js';
import { modulesOf } from './modules.js';
import { treeOf, unpackPackages } from './packages.js';
import { vmlinuxOf } from './vmlinux.js';

/** Outside of the project, since it is Debian's; who deletes it gets Debian's newest. */
export const cache = '/var/cache/thaw-guest';

/** A stock Linux guest: paths of its kernel and its initramfs. */
export interface GuestImage {
  readonly kernel: string;
  readonly initrd: string;
}

/** The guest that tests and demo boot under QEMU; made of Debian's packages where it is not there yet. */
export function guestImage(): GuestImage {
  const recipe = createHash('sha256')
    .update(JSON.stringify([init, modules]))
    .digest('hex')
    .slice(0, 12);
  const folder = join(cache, recipe);
  const image = { kernel: join(folder, 'vmlinux'), initrd: join(folder, 'initrd') };
  if (existsSync(folder)) return image;
  process.stderr.write(`Making a guest of Debian's packages in ${folder}\n`);
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'new-'));
  try {
    const made = join(work, 'image');
    mkdirSync(made);
    const versions = unpackPackages(work);
    const tree = treeOf(work);
    const version = only(readdirSync(join(tree, 'lib/modules')));
    writeFileSync(join(made, 'vmlinux'), vmlinuxOf(readFileSync(join(tree, 'boot', `vmlinuz-${version}`))));
    writeFileSync(join(made, 'initrd'), packCpio(entries(tree, version)));
    writeFileSync(join(made, 'packages'), `${versions.join('\n')}\n`);
    try {
      renameSync(made, folder);
    } catch (error) {
      // Somebody else was faster.
      if (!existsSync(folder)) throw error;
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return image;
}

function only(names: readonly string[]): string {
  const [name] = names;
  if (name === undefined || names.length > 1) throw new TypeError(`one kernel expected: ${names.join(', ')}`);
  return name;
}

function entries(tree: string, version: string): ReadonlyMap<string, Entry> {
  const all = new Map<string, Entry>();
  const folder = (path: string): void => {
    if (path === '.' || all.has(path)) return;
    folder(dirname(path));
    all.set(path, { is: 'folder' });
  };
  const put = (path: string, entry: Entry): void => {
    folder(dirname(path));
    all.set(path, entry);
  };
  const file = (path: string, bytes: Buffer, mode = 0o644): void => put(path, { is: 'file', bytes, mode });
  for (const path of ['proc', 'sys', 'dev', 'tmp', 'run', 'etc', 'sbin', 'var/log', 'mnt']) folder(path);
  file('init', Buffer.from(init), 0o755);
  const busybox = join(tree, 'bin/busybox');
  file('bin/busybox', readFileSync(busybox), 0o755);
  for (const applet of lines(execFileSync(busybox, ['--list'], { encoding: 'utf8' }))) {
    if (applet !== 'busybox') put(`bin/${applet}`, { is: 'link', to: 'busybox' });
  }
  const drivers = modulesOf(join(tree, 'lib/modules', version), modules);
  for (const path of drivers) file(`lib/modules/${basename(path)}`, readFileSync(path));
  file('modules', Buffer.from(`${drivers.map((path) => basename(path)).join(' ')}\n`));
  const agent = join(tree, 'usr/sbin/qemu-ga');
  file('usr/sbin/qemu-ga', readFileSync(agent), 0o755);
  for (const path of librariesOf(agent)) file(path.slice(1), readFileSync(path), 0o755);
  return all;
}

/** The shared libraries of a program, its loader among them: this host's, of the same Debian. */
function librariesOf(program: string): readonly string[] {
  const told = execFileSync('ldd', [program], { encoding: 'utf8' });
  if (told.includes('not found')) throw new TypeError(`this host lacks libraries of ${program}:\n${told}`);
  return lines(told).flatMap((line) => /(\/\S+) \(0x/.exec(line)?.[1] ?? []);
}

const lines = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '');
