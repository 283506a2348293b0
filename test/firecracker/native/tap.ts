/** Tap devices by ioctl, opened as Firecracker opens them (src/vmm/src/devices/virtio/net/tap.rs). */
import { attempt, call } from './libc.js';

const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const TUNSETIFF = 0x400454ca;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETVNETHDRSZ = 0x400454d8;
const SIOCSIFHWADDR = 0x8924;
const SIOCSIFMTU = 0x8922;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | O_CLOEXEC;
const ARPHRD_ETHER = 1;
const IFF_UP = 1;

/** Longest interface name, the terminating zero included. */
export const IFNAMSIZ = 16;
/** The virtio net header before every frame, the same on both ends so that frames pass verbatim. */
export const VNET_HEADER = 12;

export interface Tap {
  readonly fd: number;
  readonly name: string;
}

function ifreq(name: string): Buffer {
  const request = Buffer.alloc(40);
  request.write(name, 0, IFNAMSIZ - 1, 'latin1');
  return request;
}

/**
 * Opens the tap `name` of the current network namespace, making it where there is none, as the kernel does
 * for anybody with CAP_NET_ADMIN: down and gone with its descriptor (fact 8).
 */
export function openTap(name: string): Tap {
  const fd = call('open', '/dev/net/tun', O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
  try {
    const request = ifreq(name);
    request.writeUInt16LE(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, IFNAMSIZ);
    call('ioctl', fd, TUNSETIFF, request);
    const size = Buffer.alloc(4);
    size.writeInt32LE(VNET_HEADER);
    call('ioctl', fd, TUNSETVNETHDRSZ, size);
    // Checksum, TSO4 and TSO6: what both ends must agree on for frames to pass unchanged.
    call('ioctlValue', fd, TUNSETOFFLOAD, 1 | 2 | 4);
    const given = request.toString('latin1', 0, IFNAMSIZ);
    return { fd, name: given.slice(0, given.indexOf('\0')) };
  } catch (error) {
    attempt('close', fd);
    throw error;
  }
}

/** Frees a tap's descriptor; a tap that nobody made persistent goes with it. */
export function closeTap(tap: Tap): void {
  attempt('close', tap.fd);
}

function withSocket<T>(use: (fd: number) => T): T {
  const fd = call('socket', AF_INET, SOCK_DGRAM_CLOEXEC, 0);
  try {
    return use(fd);
  } finally {
    attempt('close', fd);
  }
}

/** Sets an interface's MAC in the current network namespace. */
export function setMac(name: string, mac: string): void {
  const request = ifreq(name);
  request.writeUInt16LE(ARPHRD_ETHER, IFNAMSIZ);
  Buffer.from(mac.replaceAll(':', ''), 'hex').copy(request, IFNAMSIZ + 2);
  withSocket((fd) => call('ioctl', fd, SIOCSIFHWADDR, request));
}

/** Sets an interface's MTU in the current network namespace. */
export function setMtu(name: string, mtu: number): void {
  const request = ifreq(name);
  request.writeInt32LE(mtu, IFNAMSIZ);
  withSocket((fd) => call('ioctl', fd, SIOCSIFMTU, request));
}

/** Brings an interface of the current network namespace up. */
export function setUp(name: string): void {
  withSocket((fd) => {
    const request = ifreq(name);
    call('ioctl', fd, SIOCGIFFLAGS, request);
    request.writeInt16LE(request.readInt16LE(IFNAMSIZ) | IFF_UP, IFNAMSIZ);
    call('ioctl', fd, SIOCSIFFLAGS, request);
  });
}
