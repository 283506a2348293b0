import '../../support/own-mounts.js';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { open, readFile, readdir, statfs, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { cx, failureOf, manifestFor, openStore, snapshotId, takeSnapshot, vmId } from './support.js';

// Over a folder that every system has, and only in this process's own view of it.
const root = '/mnt';
const id = snapshotId(1);

execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=700', 'tmpfs', root]);

/** A file system with this much room. */
function small(name: string, options: string): string {
  const dir = join(root, name);
  mkdirSync(dir);
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dir]);
  return dir;
}

/** Uses up all of the room. */
async function fill(dir: string): Promise<void> {
  const file = await open(join(dir, 'ballast'), 'wx');
  try {
    for (;;) await file.write(Buffer.alloc(4096));
  } catch (error) {
    t.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  }
  await file.close();
}

t.test('a full disk: the copy of a disk says so and leaves nothing', async (t) => {
  const dir = small('copy', 'size=2m');
  const store = await openStore(dir);
  const from = join(root, 'large');
  await writeFile(from, randomBytes(4 << 20));
  const to = join(store.diskDir(vmId(1)), 'rootfs');
  const failure = await failureOf(store.copyDisk({ from, to }, cx));
  t.match(failure, { reason: 'disk-full', message: new RegExp(to) });
  t.strictSame(await readdir(store.diskDir(vmId(1))), []);
  await store.removeDisks(vmId(1), cx);
  t.equal((await statfs(dir)).bfree * 4096 > 1 << 20, true, 'its room is free again');
});

t.test('a full disk: neither seal nor publish half succeeds, and a discard frees the room', async (t) => {
  const dir = small('publish', 'size=1m');
  const store = await openStore(dir);
  const draft = await store.begin(id, cx);
  await writeFile(join(draft.dir, 'state'), 'state');
  await writeFile(join(draft.dir, 'mem'), 'mem');
  const facts = await store.seal(draft, cx);
  await fill(dir);
  t.equal((await failureOf(store.seal(draft, cx))).reason, 'disk-full');
  t.equal((await failureOf(store.publish(draft, manifestFor(id, facts), cx))).reason, 'disk-full');
  t.strictSame(await store.list(cx), []);
  t.strictSame(
    (await readdir(draft.dir)).filter((name) => name.includes('manifest')),
    [],
    'no half manifest',
  );
  rmSync(join(dir, 'ballast'));
  await store.discard(id, cx);
  await takeSnapshot(store, id);
  t.equal((await store.list(cx)).length, 1);
});

t.test('no inodes left: a draft is not begun by half', async (t) => {
  const dir = small('inodes', 'size=1m,nr_inodes=64');
  const store = await openStore(dir);
  // All but one: the folder of the draft gets it, the one inside doesn't.
  const { ffree } = await statfs(dir);
  for (let n = 1; n < ffree; n += 1) await writeFile(join(dir, String(n)), '');
  t.equal((await failureOf(store.begin(id, cx))).reason, 'disk-full');
  t.strictSame(await readdir(join(dir, 'drafts')), []);
});

/** Why there is no xfs to test on; null where there is, at `dir`. */
function mountXfs(dir: string): string | null {
  const images = mkdtempSync(join(tmpdir(), 'thaw-xfs-'));
  const image = join(images, 'image');
  try {
    execFileSync('truncate', ['--size=400M', image]);
    execFileSync('mkfs.xfs', ['-q', '-m', 'reflink=1', image], { stdio: 'pipe' });
    mkdirSync(dir);
    execFileSync('mount', ['-o', 'loop', image, dir], { stdio: 'pipe' });
    return null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 'mkfs.xfs is missing: apt-get install xfsprogs' : 'xfs can’t be mounted here';
  } finally {
    // The mount holds what it needs of it.
    rmSync(images, { recursive: true });
  }
}

const xfs = join(root, 'xfs');
const noXfs = mountXfs(xfs);

t.test('xfs: copies share their blocks until one of them is written', { skip: noXfs ?? false }, async (t) => {
  const store = await openStore(xfs);
  const from = join(xfs, 'disk');
  const bytes = randomBytes(64 << 20);
  await writeFile(from, bytes, { flush: true });
  const before = (await statfs(xfs)).bfree;
  const copies = [1, 2, 3].map((n) => join(store.diskDir(vmId(n)), 'rootfs'));
  for (const to of copies) await store.copyDisk({ from, to }, cx);
  const { bfree, bsize } = await statfs(xfs);
  t.ok((before - bfree) * bsize < 4 << 20, 'three copies of 64 MiB take next to no room');
  const [first = '', second = ''] = copies;
  const file = await open(first, 'r+');
  await file.write(Buffer.alloc(4096, 'x'), 0, 4096, 8192);
  await file.close();
  t.ok(bytes.equals(await readFile(from)), 'the original keeps its bytes');
  t.ok(bytes.equals(await readFile(second)), 'and so does the other copy');
  t.notOk(bytes.equals(await readFile(first)));
  await truncate(from, 0);
  t.ok(bytes.equals(await readFile(second)));
});
