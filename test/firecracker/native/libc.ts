/**
 * The C library's calls that Node lacks, through koffi, each with its errno as a thrown SystemError.
 * Everything here is synchronous on purpose: namespace switches must not be interleaved with anything.
 */
import koffi from 'koffi';
import { errnoName, errnoText } from './errno.js';

const libc = koffi.load('libc.so.6');

/** A failed system call: `errno` decides, the text is what Rust's `io::Error` would print. */
export class SystemError extends Error {
  readonly code: string;
  constructor(
    readonly call: string,
    readonly errno: number,
  ) {
    super(`${errnoText(errno)} (os error ${errno})`);
    this.code = errnoName(errno);
  }
}

type Native = (...args: unknown[]) => number;
const bind = (signature: string): Native => libc.func(signature) as Native;

const calls = {
  open: bind('int open(const char *path, int flags, int mode)'),
  close: bind('int close(int fd)'),
  ioctl: bind('int ioctl(int fd, unsigned long request, void *arg)'),
  ioctlValue: libc.func('int ioctl(int fd, unsigned long request, unsigned long arg)') as Native,
  unshare: bind('int unshare(int flags)'),
  setns: bind('int setns(int fd, int type)'),
  mount: bind(
    'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
  ),
  umount2: bind('int umount2(const char *target, int flags)'),
  chroot: bind('int chroot(const char *path)'),
  chdir: bind('int chdir(const char *path)'),
  fchdir: bind('int fchdir(int fd)'),
  sethostname: bind('int sethostname(const char *name, size_t length)'),
  fcntl: bind('int fcntl(int fd, int command, int argument)'),
  prctl: bind('int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)'),
  socket: bind('int socket(int domain, int type, int protocol)'),
  memfd_create: bind('int memfd_create(const char *name, unsigned int flags)'),
  mknod: bind('int mknod(const char *path, unsigned int mode, uint64 device)'),
  syscall5: libc.func(
    'long syscall(long number, long a, const char *b, long c, const char *d, long e)',
  ) as Native,
  syscall2: libc.func('long syscall(long number, const char *a, const char *b)') as Native,
  lgetxattr: bind('int64 lgetxattr(const char *path, const char *name, void *value, size_t size)'),
  lsetxattr: bind(
    'int lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags)',
  ),
};

/** Calls `name` and throws a SystemError on -1. */
export function call(name: keyof typeof calls, ...args: unknown[]): number {
  const result = calls[name](...args);
  if (result < 0) throw new SystemError(name, koffi.errno());
  return result;
}

/** Like `call`, for cleaning up: a failure is of no interest. */
export function attempt(name: keyof typeof calls, ...args: unknown[]): boolean {
  return calls[name](...args) >= 0;
}

const exitNow = libc.func('void _exit(int code)') as (code: number) => void;

/**
 * Ends the process as a VMM does: at once, no handler, no flush, nothing unlinked.
 * (`process.exit` would close Node's listening sockets politely and wait for its thread pool.)
 */
export function exitProcess(code: number): never {
  exitNow(code);
  throw new Error('unreachable');
}
