import koffi from 'koffi';

// From asm-generic/socket.h; the same on x86_64 and aarch64, the two that Firecracker runs on.
const SOL_SOCKET = 1;

const libc = koffi.load('libc.so.6');
const call = libc.func(
  'int getsockopt(int fd, int level, int name, _Out_ uint8 *value, _Inout_ uint32 *length)',
);

/** The value of a socket's option (getsockopt(2), SOL_SOCKET), `bytes` long; null where it can't be had. */
export function socketOption(fd: number, name: number, bytes: number): Buffer | null {
  const value = Buffer.alloc(bytes);
  return call(fd, SOL_SOCKET, name, value, [value.length]) === 0 ? value : null;
}
