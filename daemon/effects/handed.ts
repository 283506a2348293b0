import { statSync } from 'node:fs';
import koffi from 'koffi';
import { look } from '../../plugins/contract.js';
import { socketOption } from './getsockopt.js';

// From asm-generic/socket.h; the same on x86_64 and aarch64.
const SO_TYPE = 3;
const SO_ACCEPTCONN = 30;
const SO_DOMAIN = 39;
const AF_UNIX = 1;
const SOCK_STREAM = 1;

const libc = koffi.load('libc.so.6');
const getsockname = libc.func('int getsockname(int fd, _Out_ uint8 *address, _Inout_ uint32 *length)');

/** What a descriptor is that somebody has handed over. */
export interface Handed {
  /** A stream socket that listens. */
  readonly listens: boolean;
  readonly unix: boolean;
  /** Of a Unix socket: who may connect, by its file; null where it has none, or that is gone. */
  readonly file: {
    readonly path: string;
    readonly uid: number;
    readonly gid: number;
    readonly mode: number;
  } | null;
}

/** Looks at a descriptor; one that is no socket does not listen. */
export const handedLook = look('socket.handed', (fd: number): Handed => {
  const [domain, type, listening] = [SO_DOMAIN, SO_TYPE, SO_ACCEPTCONN].map((name) => option(fd, name));
  const unix = domain === AF_UNIX;
  return { listens: type === SOCK_STREAM && listening === 1, unix, file: unix ? fileOf(fd) : null };
});

const option = (fd: number, name: number): number | null => socketOption(fd, name, 4)?.readInt32LE(0) ?? null;

function fileOf(fd: number): Handed['file'] {
  const address = Buffer.alloc(110);
  const length = [address.length];
  if (getsockname(fd, address, length) !== 0) return null;
  // After the family; an abstract name begins with a zero byte and is no file (unix(7)).
  const path = address.toString('utf8', 2, length[0]).split('\0', 1)[0] ?? '';
  const found = path === '' ? undefined : statSync(path, { throwIfNoEntry: false });
  return found ? { path, uid: found.uid, gid: found.gid, mode: found.mode & 0o777 } : null;
}
