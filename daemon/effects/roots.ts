import { closeSync, fstatSync, readlinkSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import type { Inode } from '../api/shapes/file.js';
import { look } from '../../plugins/contract.js';
import { inodeOf } from './inode.js';

const SYS_OPENAT2 = 437;
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const O_DIRECTORY = 0o200000;
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_NO_SYMLINKS = 0x04n;
const RESOLVE_BENEATH = 0x08n;
const AT_FDCWD = -100;

koffi.struct('open_how', { flags: 'uint64_t', mode: 'uint64_t', resolve: 'uint64_t' });
const openat2 = koffi
  .load('libc.so.6')
  .func('long syscall(long number, int dirfd, const char *path, open_how *how, size_t size)');

function open(dir: number, path: string, how: { flags: number; resolve: bigint }): number {
  const fd = Number(
    openat2(SYS_OPENAT2, dir, path, { flags: how.flags | O_CLOEXEC, mode: 0, resolve: how.resolve }, 24),
  );
  if (fd < 0)
    throw Object.assign(new TypeError(`openat2 ${path}`), { code: getSystemErrorName(-koffi.errno()) });
  return fd;
}

/** What opening a file beneath a root has shown. */
export type Beneath =
  | { readonly ok: true; readonly path: string; readonly inode: Inode }
  | { readonly ok: false; readonly errno: string };

/**
 * Opens `relative` beneath `root` following no link anywhere, by openat2: the kernel checks every component.
 * @returns the path as the kernel has it, and which file that is: whoever opens the path later compares, since its owner
 * may put another one there meanwhile
 */
export const openBeneath = look(
  'file.beneath',
  ({ root, relative }: { root: string; relative: string }): Beneath => {
    let dir = -1;
    let file = -1;
    try {
      dir = open(AT_FDCWD, root, { flags: O_PATH | O_DIRECTORY, resolve: 0n });
      const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
      file = open(dir, relative, { flags: O_PATH, resolve });
      return {
        ok: true,
        path: readlinkSync(`/proc/self/fd/${file}`),
        inode: inodeOf(fstatSync(file, { bigint: true })),
      };
    } catch (error) {
      return { ok: false, errno: (error as NodeJS.ErrnoException).code ?? 'unknown' };
    } finally {
      for (const fd of [dir, file]) if (fd >= 0) closeSync(fd);
    }
  },
);
