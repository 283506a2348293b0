import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Debian's kernel for virtual machines; the package of this name only points at the newest. */
const kernelPointer = 'linux-image-cloud-amd64';
const others = ['qemu-guest-agent', 'busybox-static'] as const;

const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };

/**
 * Downloads the guest's packages into a folder and unpacks them there; installs nothing. apt-get compares each with the
 * signed index of its archive. @returns the names of the files, which tell the versions
 */
export function unpackPackages(folder: string): readonly string[] {
  const names = [kernelPackage(), ...others];
  // As another user it could not write here.
  run('apt-get', ['download', '--quiet=2', '-o', 'APT::Sandbox::User=root', ...names], folder);
  const files = readdirSync(folder).filter((file) => file.endsWith('.deb'));
  for (const file of files) run('dpkg-deb', ['--extract', file, 'tree'], folder);
  return files;
}

/** The tree that `unpackPackages` has made. */
export const treeOf = (folder: string): string => join(folder, 'tree');

function kernelPackage(): string {
  const depends = (): string | undefined =>
    /Depends: (linux-image-\S+)/.exec(run('apt-cache', ['depends', kernelPointer], '/'))?.[1];
  const known = ((): string | undefined => {
    try {
      return depends();
    } catch {
      // The lists of a fresh image are empty.
      return undefined;
    }
  })();
  if (known !== undefined) return known;
  run('apt-get', ['update', '--quiet=2'], '/');
  const found = depends();
  if (found === undefined) throw new TypeError(`apt knows no ${kernelPointer}`);
  return found;
}

function run(program: string, args: readonly string[], cwd: string): string {
  return execFileSync(program, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
