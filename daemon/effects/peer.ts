import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { systemCallFailed } from '../api/errors/host.js';
import { look } from '../../plugins/contract.js';
import { socketOption } from './getsockopt.js';

// From asm-generic/socket.h and poll.h; the same on x86_64 and aarch64, the two that Firecracker runs on.
const SO_PEERCRED = 17;
const POLLHUP = 0x10;

const libc = koffi.load('libc.so.6');
const poll = libc.func('int poll(_Inout_ uint8 *fds, unsigned long count, int timeout)');

/** A process at the other end of a Unix socket. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Who connected, by the kernel's word (SO_PEERCRED, unix(7)): the process as it was when it called connect.
 * @throws systemCallFailed where `fd` is no connected Unix socket
 */
export const peerCredentials = look('peer.credentials', (fd: number): PeerCredentials => {
  const value = socketOption(fd, SO_PEERCRED, 12);
  if (value === null) throw failed('getsockopt');
  return { pid: value.readInt32LE(0), uid: value.readInt32LE(4) >>> 0, gid: value.readInt32LE(8) >>> 0 };
});

/**
 * Whether the other end is closed altogether. After an end of file this tells a client that is gone (POLLHUP) from
 * one that only will not send any more and still waits for its answers.
 */
export const peerGone = look('peer.gone', (fd: number): boolean => {
  const entry = Buffer.alloc(8);
  entry.writeInt32LE(fd, 0);
  if (poll(entry, 1, 0) < 0) throw failed('poll');
  return (entry.readInt16LE(6) & POLLHUP) !== 0;
});

function failed(what: string): Error {
  return systemCallFailed({ what, errno: getSystemErrorName(-koffi.errno()) });
}
