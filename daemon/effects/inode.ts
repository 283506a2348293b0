import type { BigIntStats } from 'node:fs';
import type { Content, Inode } from '../api/shapes/file.js';

/** Which file a stat is of. */
export const inodeOf = ({ dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): Inode => ({
  dev: String(dev),
  ino: String(ino),
});

/** Whether two are the same file. */
export const sameInode = (a: Inode, b: Inode): boolean => a.dev === b.dev && a.ino === b.ino;

/** What a stat tells of an ordinary file's content. */
export const contentOf = ({ size, mtimeNs }: Pick<BigIntStats, 'size' | 'mtimeNs'>): Content => ({
  bytes: Number(size),
  mtimeNs: String(mtimeNs),
});
