import { constants as os } from 'node:os';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { systemCallFailed } from '../../../daemon/api/errors/host.js';
import type { ThawError } from '../../../daemon/api/thaw-error.js';

// The calls that Node lacks. Each returns what the kernel's own interface does: a result, or a negative error number.

const library = koffi.load(null);

type Argument = number | string | Buffer;
type Native = ((...args: Argument[]) => number) & {
  async(...args: [...Argument[], (error: Error | null, result: number) => void]): void;
};

function bind(signature: string): (...args: Argument[]) => number {
  const native = library.func(signature) as unknown as Native;
  return (...args) => {
    const result = native(...args);
    return result < 0 ? -koffi.errno() : result;
  };
}

export const open = bind('int open(const char *path, int flags)');
export const close = bind('int close(int fd)');
export const ioctl = bind('int ioctl(int fd, unsigned long request, void *argument)');
/** An ioctl whose argument is a number. */
export const ioctlNumber = bind('int ioctl(int fd, unsigned long request, unsigned long argument)');
/** Gives the calling thread namespaces of its own. */
export const unshare = bind('int unshare(int flags)');
/** Moves the calling thread into the namespace behind a descriptor. */
export const setns = bind('int setns(int fd, int type)');
export const socket = bind('int socket(int domain, int type, int protocol)');
export const setsockopt = bind(
  'int setsockopt(int fd, int level, int option, const void *value, uint32_t size)',
);
export const send = bind('intptr_t send(int fd, const void *bytes, size_t size, int flags)');
export const receive = bind('intptr_t recv(int fd, void *bytes, size_t size, int flags)');

const sendNative = library.func(
  'intptr_t send(int fd, const void *bytes, size_t size, int flags)',
) as unknown as Native;

/** `send` on a thread of the pool. Which error it was can't be known from here: EIO stands for all. */
export function sendSlowly(fd: number, bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    sendNative.async(fd, bytes, bytes.length, 0, (error, result) => {
      if (error) reject(error);
      else resolve(result < 0 ? errno.io : result);
    });
  });
}

/** Names of the error numbers that decisions depend on. */
export const errno = {
  noEntry: -os.errno.ENOENT,
  io: -os.errno.EIO,
  noSpace: -os.errno.ENOSPC,
  busy: -os.errno.EBUSY,
  exists: -os.errno.EEXIST,
  // Node has no name for EXFULL.
  full: -54,
  noDevice: -os.errno.ENODEV,
  noFamily: -os.errno.EAFNOSUPPORT,
};

/** The error for a call that returned `-code`. `what`: what was tried. */
export function failed(what: string, code: number): ThawError {
  return systemCallFailed({ what, errno: getSystemErrorName(code) });
}

/** The result of a call, or its error thrown. */
export function must(what: string, result: number): number {
  if (result < 0) throw failed(what, result);
  return result;
}
