/**
 * Error numbers as the two C libraries word them. Releases of Firecracker are musl builds, the recorded
 * transcripts come from a glibc build: `FIRECRACKER_STANDIN_LIBC=musl` changes the words, never the numbers.
 */
import fs from 'node:fs';
import { dirname } from 'node:path';

const table: Record<number, readonly [name: string, glibc: string, musl?: string]> = {
  1: ['EPERM', 'Operation not permitted'],
  2: ['ENOENT', 'No such file or directory'],
  5: ['EIO', 'Input/output error', 'I/O error'],
  6: ['ENXIO', 'No such device or address'],
  9: ['EBADF', 'Bad file descriptor'],
  11: ['EAGAIN', 'Resource temporarily unavailable'],
  12: ['ENOMEM', 'Cannot allocate memory', 'Out of memory'],
  13: ['EACCES', 'Permission denied'],
  16: ['EBUSY', 'Device or resource busy', 'Resource busy'],
  17: ['EEXIST', 'File exists'],
  19: ['ENODEV', 'No such device'],
  20: ['ENOTDIR', 'Not a directory'],
  21: ['EISDIR', 'Is a directory'],
  22: ['EINVAL', 'Invalid argument'],
  23: ['ENFILE', 'Too many open files in system'],
  24: ['EMFILE', 'Too many open files', 'No file descriptors available'],
  26: ['ETXTBSY', 'Text file busy'],
  27: ['EFBIG', 'File too large'],
  28: ['ENOSPC', 'No space left on device'],
  30: ['EROFS', 'Read-only file system'],
  36: ['ENAMETOOLONG', 'File name too long', 'Filename too long'],
  38: ['ENOSYS', 'Function not implemented'],
  40: ['ELOOP', 'Too many levels of symbolic links', 'Symbolic link loop'],
  61: ['ENODATA', 'No data available'],
  77: ['EBADFD', 'File descriptor in bad state'],
  95: ['EOPNOTSUPP', 'Operation not supported', 'Not supported'],
  97: [
    'EAFNOSUPPORT',
    'Address family not supported by protocol',
    'Address family not supported by protocol',
  ],
  98: ['EADDRINUSE', 'Address already in use', 'Address in use'],
  111: ['ECONNREFUSED', 'Connection refused'],
  122: ['EDQUOT', 'Disk quota exceeded', 'Quota exceeded'],
};

const musl = process.env['FIRECRACKER_STANDIN_LIBC'] === 'musl';

/** The C library's words for an error number. */
export function errnoText(errno: number): string {
  const entry = table[errno];
  if (!entry) return `Unknown error ${errno}`;
  return (musl ? entry[2] : undefined) ?? entry[1];
}

/** The symbolic name of an error number, as Node has it in `code`. */
export function errnoName(errno: number): string {
  return table[errno]?.[0] ?? `E${errno}`;
}

/** Any error of Node's file system, worded as Rust's `io::Error` is: `No such file or directory (os error 2)`. */
export function ioErrorText(error: unknown): string {
  if (error instanceof Error && 'errno' in error && typeof error.errno === 'number') {
    const errno = Math.abs(error.errno);
    return `${errnoText(errno)} (os error ${errno})`;
  }
  return error instanceof Error ? error.message : String(error);
}

/** What bind(2) said about `path`: libuv calls a folder that is not there EACCES. */
export function bindErrno(error: unknown, path: string): number {
  const errno = error instanceof Error && 'errno' in error ? Math.abs(Number(error.errno)) : 5;
  return errno === 13 && !fs.existsSync(dirname(path)) ? 2 : errno;
}

/** The kind that Rust's debug output names for an error number. */
export function ioErrorDebug(errno: number): string {
  const kinds: Record<number, string> = {
    2: 'NotFound',
    13: 'PermissionDenied',
    17: 'AlreadyExists',
    98: 'AddrInUse',
    20: 'NotADirectory',
    21: 'IsADirectory',
    22: 'InvalidInput',
  };
  return `Os { code: ${errno}, kind: ${kinds[errno] ?? 'Uncategorized'}, message: ${JSON.stringify(errnoText(errno))} }`;
}
