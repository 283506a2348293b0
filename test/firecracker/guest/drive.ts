/** A drive of the guest: its backing file, mounted at /dev/vdX, so that what the guest writes is in the file. */
import fs from 'node:fs';
import { attempt, call } from '../native/libc.js';

const OPEN_TREE = 428;
const MOVE_MOUNT = 429;
const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const OPEN_TREE_CLONE = 1;
const CLOEXEC = 0o2000000;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const MS_RDONLY_BIND_REMOUNT = 1 | 4096 | 32;
const MNT_DETACH = 2;

/** A mount of the open file `fd`, belonging nowhere yet; made outside of the guest, where the file is. */
export function detachedMount(fd: number): number {
  return call('syscall5', OPEN_TREE, fd, '', AT_EMPTY_PATH | OPEN_TREE_CLONE | CLOEXEC, null, 0);
}

/** Puts it at `node`, inside the guest. */
export function attachDrive(mount: number, node: string, readOnly: boolean): void {
  try {
    fs.writeFileSync(node, '');
    call('syscall5', MOVE_MOUNT, mount, '', AT_FDCWD, node, MOVE_MOUNT_F_EMPTY_PATH);
    if (readOnly) call('mount', null, node, null, MS_RDONLY_BIND_REMOUNT, null);
  } finally {
    attempt('close', mount);
  }
}

/** Takes it away, even from under a process that has it open. */
export function detachDrive(node: string): void {
  attempt('umount2', node, MNT_DETACH);
  fs.rmSync(node, { force: true });
}
