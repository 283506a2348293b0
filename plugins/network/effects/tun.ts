import * as libc from './libc.js';

// /dev/net/tun (linux/if_tun.h).

const O_RDWR_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const IFF_TUN_EXCL = 0x8000;

/** A tap that somebody holds open. */
export interface OpenTap {
  readonly fd: number;
}

/**
 * Opens a tap as Firecracker does. `make`: only a new one, never one that is there. Until {@link persist} a new tap
 * is gone with its descriptor, however the process ends. Returns a negative error number where that can't be:
 * EBUSY means that it exists, or that another process holds it.
 */
export function openTap(name: string, make: boolean): OpenTap | number {
  const fd = libc.open('/dev/net/tun', O_RDWR_NONBLOCK_CLOEXEC);
  libc.must('opening /dev/net/tun', fd);
  const request = Buffer.alloc(40);
  request.write(name, 0, 15, 'latin1');
  const flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (make ? IFF_TUN_EXCL : 0);
  request.writeUInt16LE(flags, 16);
  const result = libc.ioctl(fd, TUNSETIFF, request);
  if (result < 0) {
    libc.close(fd);
    return result;
  }
  return { fd };
}

/** Whether the tap outlives its descriptor. */
export function persist(tap: OpenTap, keep: boolean): void {
  libc.must('keeping the tap', libc.ioctlNumber(tap.fd, TUNSETPERSIST, keep ? 1 : 0));
}

export function closeTap(tap: OpenTap): void {
  libc.close(tap.fd);
}
