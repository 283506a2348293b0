import { open, lstat, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { context, cx, failureOf, folder, openStore } from './support.js';

const page = 4096;

/** Writes pages of data at some places of a file and holes between. */
async function sparse(path: string, pages: readonly number[], size: number): Promise<void> {
  const file = await open(path, 'wx');
  await file.truncate(size);
  for (const at of pages) {
    const bytes = randomBytes(Math.min(page, Math.max(0, size - at * page)));
    if (bytes.length > 0) await file.write(bytes, 0, bytes.length, at * page);
  }
  await file.close();
}

const blocksOf = async (path: string): Promise<number> => (await lstat(path)).blocks;

t.test('a copy has the same bytes and the same holes, however the data lie', async (t) => {
  const dir = await folder(t);
  const store = await openStore(dir);
  let n = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.nat({ max: 600 }), { maxLength: 20 }),
      fc.nat({ max: 700 * page }),
      async (pages, size) => {
        const [from, to] = [join(dir, `from-${++n}`), join(dir, 'copies', String(n))];
        await sparse(from, pages, size);
        await store.copyDisk({ from, to }, cx);
        t.ok((await readFile(from)).equals(await readFile(to)), `${size} bytes, data at ${pages.join()}`);
        t.ok((await blocksOf(to)) <= (await blocksOf(from)), 'no hole was filled');
      },
    ),
    { numRuns: 40 },
  );
});

t.test('a large hole costs neither space nor time', async (t) => {
  const dir = await folder(t);
  const store = await openStore(dir);
  const [from, to] = [join(dir, 'from'), join(dir, 'to')];
  const size = 1 << 40;
  await sparse(from, [7, 1_000_000], size);
  await store.copyDisk({ from, to }, cx);
  t.equal((await lstat(to)).size, size);
  t.ok((await blocksOf(to)) < 100);
});

t.test('a copy is private, also one of a snapshot’s read-only disk', async (t) => {
  const dir = await folder(t);
  const store = await openStore(dir);
  const [from, to] = [join(dir, 'from'), join(dir, 'vms/vm/rootfs')];
  await writeFile(from, 'disk', { mode: 0o400 });
  await store.copyDisk({ from, to }, cx);
  t.equal((await lstat(to)).mode & 0o777, 0o600);
  t.equal((await lstat(join(dir, 'vms/vm'))).mode & 0o777, 0o700);
  await writeFile(to, 'DISK');
  t.equal(await readFile(from, 'utf8'), 'disk');
});

t.test('a disk that is not there, or is a folder, is named', async (t) => {
  const dir = await folder(t);
  const store = await openStore(dir);
  await mkdir(join(dir, 'folder'));
  for (const from of ['nowhere', 'folder', 'folder/file/deeper']) {
    const failure = await failureOf(store.copyDisk({ from: join(dir, from), to: join(dir, 'to') }, cx));
    t.match(failure, { reason: 'file-missing', message: new RegExp(`${from} can't be read`) });
  }
  t.notOk((await readdir(dir)).includes('to'));
});

t.test('what stands at the copy’s place stays', async (t) => {
  const dir = await folder(t);
  const store = await openStore(dir);
  await writeFile(join(dir, 'from'), 'new');
  await writeFile(join(dir, 'to'), 'old');
  const failure = await failureOf(store.copyDisk({ from: join(dir, 'from'), to: join(dir, 'to') }, cx));
  t.match(failure, { reason: 'system-call-failed', message: /EEXIST/ });
  t.equal(await readFile(join(dir, 'to'), 'utf8'), 'old');
});

t.test('a cancelled copy leaves nothing', async (t) => {
  const dir = await folder(t);
  const store = await openStore(dir);
  await writeFile(join(dir, 'from'), randomBytes(64 << 20));
  const leave = new AbortController();
  const gone = new Error('the client is gone');
  const copy = store.copyDisk(
    { from: join(dir, 'from'), to: join(dir, 'to') },
    context({ signal: leave.signal }),
  );
  // Not before it has begun: then there would be nothing to take back.
  while (!(await readdir(dir)).includes('to')) await new Promise(setImmediate);
  leave.abort(gone);
  await t.rejects(copy, gone);
  t.notOk((await readdir(dir)).includes('to'));
});
