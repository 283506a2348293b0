import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { bin, projectDir } from '../paths.js';
import { packCpio, type Entry } from './cpio.js';
import { cache, guestImage } from './image.js';
import { modulesOf } from './modules.js';
import { treeOf, unpackPackages } from './packages.js';

/** A Debian with systemd, prepared by `thaw guest prepare`: what it boots from. */
export interface DebianImage {
  readonly kernel: string;
  readonly initrd: string;
  /** An ext4 file system; each VM that writes to it needs a copy of its own. */
  readonly root: string;
}

const included = ['systemd-sysv', 'udev', 'kmod', 'qemu-guest-agent', 'iproute2', 'iputils-ping'];
/** What is needed to find the root file system; the rest the image loads itself. */
const early = ['virtio_pci', 'virtio_blk', 'virtio_console', 'ext4'] as const;

const init = `#!/bin/busybox sh
export PATH=/bin
mount -t devtmpfs dev /dev
read -r MODULES < /modules
for MODULE in $MODULES; do insmod "/lib/modules/$MODULE"; done
until [ -b /dev/vda ]; do sleep 0.05; done
mount -t ext4 /dev/vda /root && mount --move /dev /root/dev && exec switch_root /root /sbin/init
`;

/** Made where it is not there yet: two minutes and 300 MB of Debian's packages. */
export function debianImage(): DebianImage {
  const { kernel } = guestImage();
  const folder = join(cache, `debian-${recipe()}`);
  const image = { kernel, initrd: join(folder, 'initrd'), root: join(folder, 'root.img') };
  if (existsSync(folder)) return image;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'new-'));
  try {
    const [made, rootfs] = [join(work, 'image'), join(work, 'rootfs')];
    mkdirSync(made);
    run('mmdebstrap', [
      '--quiet',
      '--variant=minbase',
      `--include=${included.join(',')}`,
      'bookworm',
      rootfs,
    ]);
    unpackPackages(work);
    const modules = join(treeOf(work), 'lib/modules');
    const [version = ''] = readdirSync(modules);
    cpSync(join(modules, version), join(rootfs, 'usr/lib/modules', version), { recursive: true });
    run('depmod', ['--basedir', rootfs, version]);
    run(process.execPath, [bin('thaw'), 'guest', 'prepare', rootfs]);
    run('mkfs.ext4', ['-q', '-d', rootfs, join(made, 'root.img'), '700M']);
    writeFileSync(join(made, 'initrd'), packCpio(initramfs(treeOf(work), version)));
    renameSync(made, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return image;
}

/** What an image is made by: one that another `guest prepare` has prepared is none of this one's. */
function recipe(): string {
  const plan = readFileSync(join(projectDir, 'client/cli/guest/plan.ts'), 'utf8');
  return createHash('sha256')
    .update(JSON.stringify([included, early, init, plan]))
    .digest('hex')
    .slice(0, 12);
}

function initramfs(tree: string, version: string): ReadonlyMap<string, Entry> {
  const all = new Map<string, Entry>();
  for (const path of ['bin', 'dev', 'lib', 'lib/modules', 'root']) all.set(path, { is: 'folder' });
  const file = (path: string, bytes: Buffer): void => void all.set(path, { is: 'file', bytes, mode: 0o755 });
  file('bin/busybox', readFileSync(join(tree, 'bin/busybox')));
  for (const applet of ['sh', 'mount', 'insmod', 'sleep', 'switch_root'])
    all.set(`bin/${applet}`, { is: 'link', to: 'busybox' });
  const drivers = modulesOf(join(tree, 'lib/modules', version), early);
  for (const path of drivers) file(`lib/modules/${basename(path)}`, readFileSync(path));
  file('modules', Buffer.from(`${drivers.map((path) => basename(path)).join(' ')}\n`));
  file('init', Buffer.from(init));
  return all;
}

function run(program: string, args: readonly string[]): void {
  const env = {
    ...process.env,
    PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
    DEBIAN_FRONTEND: 'noninteractive',
  };
  execFileSync(program, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
}
