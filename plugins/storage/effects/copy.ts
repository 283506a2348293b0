import { constants } from 'node:fs';
import { chmod, copyFile, type FileHandle, mkdir, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileMissing, fileReplaced, systemCallFailed } from '../../../daemon/api/errors/host.js';
import { effect, type DiskCopy } from '../../contract.js';
import { errnoOf, ifThere, onDisk } from './faults.js';
import { nextExtent } from './native.js';

const blockBytes = 1 << 20;

/** What FICLONE says where there is nothing to share: other file system, one that can't, or a file that can't. */
const cannotShare = new Set([
  'ENOTSUP',
  'EOPNOTSUPP',
  'EXDEV',
  'EINVAL',
  'ENOTTY',
  'ENOSYS',
  'EBADF',
  'EPERM',
]);

/** How a copy was made, for the timeline. */
export type CopyWay = 'reflink' | 'sparse';

/**
 * Copies a disk to a new file 0600, whose folder is made where it is missing: sharing the blocks where the file system
 * can, else block by block with the holes left out. On failure or cancel nothing of the copy is left.
 * @throws diskFull, fileMissing, fileReplaced, systemCallFailed
 */
export const copyDisk = effect('store.copy', (disk: DiskCopy, { signal }): Promise<CopyWay> =>
  onDisk('copying to', disk.to, async () => {
    await mkdir(dirname(disk.to), { recursive: true, mode: 0o700 });
    await using source = await open(disk.from, constants.O_RDONLY).catch((error: unknown) => {
      throw missing(disk.from, error);
    });
    await assertDisk(source, disk);
    if (await share(source, disk)) return 'reflink';
    await copySparse(source, disk.to, signal);
    return 'sparse';
  }),
);

async function assertDisk(source: FileHandle, { from, inode }: DiskCopy): Promise<void> {
  const found = await source.stat({ bigint: true });
  if (found.isDirectory()) throw fileMissing({ path: from, what: 'disk', why: 'EISDIR' });
  if (!inode || (String(found.dev) === inode.dev && String(found.ino) === inode.ino)) return;
  throw fileReplaced({
    path: from,
    why: 'another one stands in its place',
  });
}

async function share(source: FileHandle, { from, to }: DiskCopy): Promise<boolean> {
  try {
    // By its descriptor: what stands at the path may be another file by now.
    const open = `/proc/self/fd/${source.fd}`;
    await copyFile(open, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== undefined && cannotShare.has(errno)) return false;
    throw missing(from, error);
  }
  try {
    // The copy has the mode of what it is a copy of: read-only where that is a snapshot's.
    await chmod(to, 0o600);
  } catch (error) {
    await unlink(to);
    throw error;
  }
  return true;
}

async function copySparse(source: FileHandle, to: string, signal: AbortSignal): Promise<void> {
  const target = await open(to, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await copyExtents(source, target, signal);
  } catch (error) {
    await ifThere(() => unlink(to));
    throw error;
  } finally {
    await target.close();
  }
}

async function copyExtents(source: FileHandle, target: FileHandle, signal: AbortSignal): Promise<void> {
  const { size } = await source.stat();
  await target.truncate(size);
  const block = Buffer.allocUnsafeSlow(Math.min(blockBytes, Math.max(size, 1)));
  let extent = nextExtent(source.fd, 0, size);
  while (extent) {
    let at = extent.start;
    while (at < extent.end) {
      signal.throwIfAborted();
      const { bytesRead } = await source.read(block, 0, Math.min(block.length, extent.end - at), at);
      if (bytesRead === 0)
        throw systemCallFailed({ what: 'copying', errno: 'the disk became shorter meanwhile' });
      await writeAll(target, block.subarray(0, bytesRead), at);
      at += bytesRead;
    }
    extent = nextExtent(source.fd, extent.end, size);
  }
}

/** A write may be short, most likely where the disk is nearly full: the next one then says why. */
async function writeAll(target: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await target.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

function missing(path: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (errno !== 'ENOENT' && errno !== 'ENOTDIR' && errno !== 'EISDIR' && errno !== 'EACCES') return error;
  return fileMissing({ path, what: 'disk', why: errno }, { cause: error });
}
