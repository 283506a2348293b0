import { createHash } from 'node:crypto';
import {
  chmod,
  lstat,
  mkdir,
  readFile,
  readdir,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { basename, join } from 'node:path';
import t from 'tap';
import type { SnapshotStore } from '../../../plugins/contract.js';
import {
  context,
  cx,
  failureOf,
  folder,
  manifestFor,
  openStore,
  snapshotId,
  takeSnapshot,
  vmId,
  type Warning,
} from './support.js';

const id = snapshotId(1);

/** Counts how often each effect takes place. */
function counting() {
  const counts = new Map<string, number>();
  const watch = context({ probe: { effect: (name) => void counts.set(name, (counts.get(name) ?? 0) + 1) } });
  return { watch, times: (name: string) => counts.get(name) ?? 0 };
}

/** Changes a file that the store made read-only, as a broken disk or a careless root would. */
async function damage(
  store: SnapshotStore,
  file: string,
  how: (path: string) => Promise<void>,
): Promise<void> {
  const path = store.path(id, file);
  await chmod(path, 0o600);
  await how(path);
  await chmod(path, 0o400);
}

t.test('a published snapshot is whole, hashed, and for root’s eyes only', async (t) => {
  const dir = await folder(t);
  const store = await openStore(dir);
  const manifest = await takeSnapshot(store, id);
  t.strictSame(await store.list(cx), [manifest]);
  t.strictSame(
    manifest.files.map(({ name, bytes }) => [name, bytes]),
    [
      ['state', 24],
      ['mem', 300_000],
      ['disks/rootfs', 10_000],
    ],
  );
  for (const { name, sha256 } of manifest.files) {
    const path = store.path(id, name);
    t.equal(
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
      sha256,
      name,
    );
    t.equal((await lstat(path)).mode & 0o777, 0o400, name);
  }
  for (const path of [
    dir,
    'snapshots',
    `snapshots/${id}`,
    `snapshots/${id}/disks`,
    'vms',
    'drafts',
    'trash',
  ]) {
    const mode = (await lstat(path === dir ? dir : join(dir, path))).mode & 0o777;
    t.equal(mode, 0o700, path);
  }
  t.strictSame((await readdir(join(dir, 'snapshots', id))).sort(), [
    'disks',
    'manifest.json',
    'mem',
    'stamps.json',
    'state',
  ]);
  t.strictSame(await readdir(join(dir, 'drafts')), []);
});

t.test('nobody sees a snapshot before it is published', async (t) => {
  const store = await openStore(await folder(t));
  const draft = await store.begin(id, cx);
  await writeFile(join(draft.dir, 'state'), 's');
  await writeFile(join(draft.dir, 'mem'), 'm');
  await store.seal(draft, cx);
  t.strictSame(await store.list(cx), []);
  await store.discard(id, cx);
  t.strictSame(await readdir(join(store.dir, 'drafts')), []);
  await store.discard(id, cx);
});

t.test('an existing snapshot is never overwritten', async (t) => {
  const store = await openStore(await folder(t));
  const manifest = await takeSnapshot(store, id);
  const draft = await store.begin(id, cx);
  await writeFile(join(draft.dir, 'state'), 'another');
  await writeFile(join(draft.dir, 'mem'), 'another');
  const other = manifestFor(id, await store.seal(draft, cx));
  t.equal((await failureOf(store.publish(draft, other, cx))).reason, 'system-call-failed');
  t.strictSame(await store.list(cx), [manifest]);
  await store.verify(manifest, true, cx);
});

t.test('a draft without its memory file, or with a link in its place, is not sealed', async (t) => {
  const store = await openStore(await folder(t));
  const draft = await store.begin(id, cx);
  await writeFile(join(draft.dir, 'state'), 's');
  t.match(await failureOf(store.seal(draft, cx)), { reason: 'snapshot-damaged', message: /mem is missing/ });
  await symlink('/etc/hostname', join(draft.dir, 'mem'));
  t.match(await failureOf(store.seal(draft, cx)), { reason: 'snapshot-damaged', message: /mem is no file/ });
});

t.test(
  'a file that is the very one that was hashed is not read again, not even by the next daemon',
  async (t) => {
    const dir = await folder(t);
    const manifest = await takeSnapshot(await openStore(dir), id);
    const { watch, times } = counting();
    const next = await openStore(dir);
    await next.verify(manifest, false, watch);
    await next.verify(manifest, false, watch);
    t.equal(times('store.hash'), 0);
    await next.verify(manifest, true, watch);
    t.equal(times('store.hash'), 1, 'unless thoroughness is asked for');
  },
);

t.test('a file that was only touched is read once and then known again', async (t) => {
  const dir = await folder(t);
  const store = await openStore(dir);
  const manifest = await takeSnapshot(store, id);
  await utimes(store.path(id, 'mem'), 5, 5);
  const { watch, times } = counting();
  await Promise.all([1, 2, 3].map(() => store.verify(manifest, false, watch)));
  t.equal(times('store.hash'), 1, 'three at once read it once');
  await store.verify(manifest, false, watch);
  t.equal(times('store.hash'), 1);
});

t.test('damage is found and named', async (t) => {
  const cases: [string, (path: string) => Promise<void>, RegExp][] = [
    ['mem', (path) => truncate(path, 12), /mem is 12 bytes instead of 300000/],
    ['state', (path) => writeFile(path, 'the state of the Devices'), /state has other content than when/],
    ['disks/rootfs', (path) => rm(path), /disks\/rootfs is missing/],
    ['mem', (path) => rm(path).then(() => mkdir(path)), /mem is no ordinary file/],
  ];
  for (const [file, how, message] of cases) {
    const store = await openStore(await folder(t));
    const manifest = await takeSnapshot(store, id);
    await (file === 'state' ? damage(store, file, how) : how(store.path(id, file)));
    for (const attempt of ['first', 'second']) {
      const failure = await failureOf(store.verify(manifest, false, cx));
      t.match(failure, { reason: 'snapshot-damaged', message }, `${file}, ${attempt} time`);
    }
  }
});

t.test('a flipped bit under an unchanged length, time and inode is found', async (t) => {
  const store = await openStore(await folder(t));
  const manifest = await takeSnapshot(store, id);
  const before = await lstat(store.path(id, 'mem'));
  await damage(store, 'mem', async (path) => {
    const bytes = await readFile(path);
    bytes[123_456] = (bytes[123_456] ?? 0) ^ 0x10;
    await writeFile(path, bytes);
    await utimes(path, before.atime, before.mtime);
  });
  t.match(await failureOf(store.verify(manifest, false, cx)), {
    reason: 'snapshot-damaged',
    message: /mem has other content/,
  });
});

t.test('lost or torn stamps cost a reading, nothing more', async (t) => {
  const dir = await folder(t);
  const manifest = await takeSnapshot(await openStore(dir), id);
  const stamps = join(dir, 'snapshots', id, 'stamps.json');
  for (const text of [null, '', '{"version":1,"files":{"mem"', '{"version":2,"files":{}}']) {
    await rm(stamps);
    await writeFile(stamps, text ?? '{}');
    if (text === null) await rm(stamps);
    const { watch, times } = counting();
    await (await openStore(dir)).verify(manifest, false, watch);
    t.equal(times('store.hash'), 1, JSON.stringify(text));
    await writeFile(stamps, '');
  }
});

t.test('who waits for another’s reading can be cancelled, and the other goes on', async (t) => {
  const store = await openStore(await folder(t));
  const manifest = await takeSnapshot(store, id);
  const leave = new AbortController();
  const gone = new Error('the client is gone');
  const first = store.verify(manifest, true, cx);
  const second = store.verify(manifest, true, context({ signal: leave.signal }));
  leave.abort(gone);
  await t.rejects(second, gone);
  await first;
  await store.verify(manifest, true, cx);
});

t.test('a reading can be cancelled in the middle', async (t) => {
  const store = await openStore(await folder(t));
  const manifest = await takeSnapshot(store, id);
  const leave = new AbortController();
  const gone = new Error('the client is gone');
  const watch = context({
    signal: leave.signal,
    probe: {
      edge: (name) => {
        if (name === 'store.hash') setImmediate(() => leave.abort(gone));
      },
    },
  });
  await t.rejects(store.verify(manifest, true, watch), gone);
  await store.verify(manifest, true, cx);
});

t.test('what is torn, foreign or newer is passed over, said once, and left as it is', async (t) => {
  const dir = await folder(t);
  const warnings: Warning[] = [];
  const store = await openStore(dir, { warnings });
  const good = await takeSnapshot(store, id);
  const put = async (name: string, text: string | null) => {
    await mkdir(join(dir, 'snapshots', name));
    if (text !== null) await writeFile(join(dir, 'snapshots', name, 'manifest.json'), text);
  };
  const other = (over: object) => JSON.stringify({ ...good, ...over });
  await put('lost+found', null);
  await put(snapshotId(2), '{"version": 1, "id"');
  await put(snapshotId(3), other({ id: snapshotId(3), version: 2 }));
  await put(snapshotId(4), other({ id: id }));
  await put(snapshotId(5), other({ id: snapshotId(5), files: [{ ...good.files[0], name: '../../escape' }] }));
  await put(snapshotId(6), other({ id: snapshotId(6), machine: 'none' }));
  await writeFile(join(dir, 'snapshots', 'a-file'), '');
  t.strictSame(await store.list(cx), [good]);
  t.strictSame(await store.list(cx), [good]);
  const said = Object.fromEntries(
    warnings.map(({ data }) => [basename(String(data?.['path'])), String(data?.['why'])]),
  );
  t.match(said, {
    'lost+found': /no manifest/,
    'a-file': /no manifest/,
    [snapshotId(2)]: /not whole/,
    [snapshotId(3)]: /version 2, this thawd reads version 1/,
    [snapshotId(4)]: /is that of snap-0000000001/,
    [snapshotId(5)]: /escape/,
    [snapshotId(6)]: /machine/,
  });
  t.equal(warnings.length, 7, 'each once');
  t.strictSame(await store.sweep(new Set(), cx), []);
  t.equal((await readdir(join(dir, 'snapshots'))).length, 8, 'none of it was removed');
});

t.test('delete: gone from one instant to the next, and again harmless', async (t) => {
  const store = await openStore(await folder(t));
  const manifest = await takeSnapshot(store, id);
  let seen: readonly unknown[] = [manifest];
  const watch = context({
    probe: {
      edge: async (name, edge) => {
        if (name === 'store.move' && edge === 'after') seen = await store.list(cx);
      },
    },
  });
  await store.delete(id, watch);
  t.strictSame(seen, [], 'not listed while its files are still being removed');
  t.strictSame(await store.list(cx), []);
  t.strictSame(await readdir(join(store.dir, 'trash')), []);
  await store.delete(id, cx);
  t.equal((await failureOf(store.verify(manifest, false, cx))).reason, 'snapshot-damaged');
});

t.test('a sweep removes drafts, trash and disks of nobody, and nothing else', async (t) => {
  const dir = await folder(t);
  const before = await openStore(dir);
  const kept = await takeSnapshot(before, id);
  await before.begin(snapshotId(2), cx);
  await mkdir(join(dir, 'trash', snapshotId(3)));
  const source = join(dir, 'source');
  await writeFile(source, 'disk');
  await before.copyDisk({ from: source, to: join(before.diskDir(vmId(1)), 'rootfs') }, cx);
  await before.copyDisk({ from: source, to: join(before.diskDir(vmId(2)), 'rootfs') }, cx);
  await mkdir(join(dir, 'vms', 'lost+found'));

  const warnings: Warning[] = [];
  const store = await openStore(dir, { warnings });
  const mine = await store.begin(snapshotId(4), cx);
  const removed = await store.sweep(new Set([vmId(1)]), cx);
  t.strictSame(removed, [
    join(dir, 'drafts', snapshotId(2)),
    join(dir, 'trash', snapshotId(3)),
    join(dir, 'vms', vmId(2)),
  ]);
  t.strictSame(await store.list(cx), [kept]);
  t.ok((await lstat(mine.dir)).isDirectory(), 'a draft of this daemon stays');
  t.strictSame((await readdir(join(dir, 'vms'))).sort(), ['lost+found', vmId(1)]);
  t.match(warnings, [{ data: { path: join(dir, 'vms', 'lost+found') } }]);
  await store.removeDisks(vmId(1), cx);
  await store.removeDisks(vmId(1), cx);
  t.strictSame(await readdir(join(dir, 'vms')), ['lost+found']);
});
