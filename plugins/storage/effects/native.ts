import koffi from 'koffi';

const libc = koffi.load('libc.so.6');
const lseek = libc.func('int64_t lseek(int fd, int64_t offset, int whence)') as (
  fd: number,
  offset: number,
  whence: number,
) => number;

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/** A stretch of a file that holds data: from `start` up to, not including, `end`. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/**
 * The first stretch of data at or after `from` in a file of `size` bytes; null where only a hole is left. Where the
 * file system knows no holes all is data (lseek(2)).
 */
export function nextExtent(fd: number, from: number, size: number): Extent | null {
  if (from >= size) return null;
  const start = lseek(fd, from, SEEK_DATA);
  // ENXIO: no data after `from`. Anything else is no reason to copy less.
  if (start < 0) return koffi.errno() === koffi.os.errno.ENXIO ? null : { start: from, end: size };
  if (start >= size) return null;
  const end = lseek(fd, start, SEEK_HOLE);
  return { start, end: end > start ? Math.min(end, size) : size };
}
