/** Handing a descriptor to another process over a Unix socket, which Node can't: sendmsg(2) with SCM_RIGHTS. */
import type net from 'node:net';
import koffi from 'koffi';
import { SystemError } from './libc.js';

const libc = koffi.load('libc.so.6');
koffi.struct('iovec', { iov_base: 'void *', iov_len: 'size_t' });
koffi.struct('msghdr', {
  msg_name: 'void *',
  msg_namelen: 'uint32_t',
  msg_iov: 'iovec *',
  msg_iovlen: 'size_t',
  msg_control: 'void *',
  msg_controllen: 'size_t',
  msg_flags: 'int',
});
const sendmsg = libc.func('int64_t sendmsg(int fd, const msghdr *message, int flags)') as (
  fd: number,
  message: object,
  flags: number,
) => number;

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;

/** Sends `bytes` with a descriptor beside them; the socket must have nothing of its own to send. */
export function sendDescriptor(socket: net.Socket, bytes: Buffer, fd: number): void {
  // struct cmsghdr: its length, level, type, and the descriptor, padded to eight bytes.
  const control = Buffer.alloc(24);
  control.writeBigUInt64LE(20n, 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  control.writeInt32LE(fd, 16);
  const message = {
    msg_name: null,
    msg_namelen: 0,
    msg_iov: [{ iov_base: bytes, iov_len: bytes.length }],
    msg_iovlen: 1,
    msg_control: control,
    msg_controllen: control.length,
    msg_flags: 0,
  };
  const sent = sendmsg(descriptorOf(socket), message, 0);
  if (sent < 0) throw new SystemError('sendmsg', koffi.errno());
  if (sent < bytes.length) throw new RangeError(`only ${sent} of ${bytes.length} bytes were sent`);
}

function descriptorOf(socket: net.Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle');
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
  if (typeof fd !== 'number' || fd < 0) throw new TypeError('the socket is closed');
  return fd;
}
