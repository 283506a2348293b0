// Whatever lies among the records and manifests: good ones are read, all others set aside or passed over, and told of.
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t from 'tap';
import { recordUnusable } from '../../daemon/api/errors/host.js';
import { newVmId } from '../../daemon/operations/ids.js';
import { emptyRecord } from '../../daemon/records/make.js';
import { Records } from '../../daemon/records/records.js';
import { readRecord, recordText } from '../../daemon/records/versions.js';
import type { VmRecord } from '../../daemon/records/vm-record.js';
import { writeManifest } from '../../plugins/storage/manifest.js';
import { cx, folder, manifestFor, openStore, snapshotId, type Warning } from '../plugins/storage/support.js';
import { generator } from '../support/random.js';
import { fifoAt, identity, leave, mutated } from './debris.js';

/** Files in all. The seed is printed, and THAW_FUZZ_SEED repeats it. */
const runs = Number(process.env['THAW_FUZZ_RECORDS'] ?? 3_000);
const seed = Number(process.env['THAW_FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const each = 30;
const mebibytes = (): number => process.memoryUsage().rss / 2 ** 20;

/** A record with something in it. */
function recordOf(n: number): VmRecord {
  const id = newVmId();
  return {
    ...emptyRecord(id, 'restored', '1.16.1'),
    name: `clone-${n}` as VmRecord['name'],
    steps: [
      { kind: 'folder', vm: id, dir: `/run/thawd/vms/${id}` },
      { kind: 'tap', vm: id, nic: 'eth0', name: `th${n}` },
    ],
    process: { pid: 100 + n, startTime: '12345' },
    labels: { 10: 'ten', 2: 'two', tenant: 'Ünïcode \u2028' },
  };
}

t.test(`records (${runs} files, seed ${seed}): none is lost, none is fatal`, async (t) => {
  const random = generator(seed);
  const dir = mkdtempSync('/dev/shm/thaw-records-');
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const [inside, spare] = [join(dir, 'records'), join(dir, 'spare')];
  mkdirSync(spare);
  const records = await Records.open(dir, cx);
  const fifo = fifoAt(spare);
  const before = mebibytes();
  const met = new Map<string, number>();
  for (let round = 0; round < runs / each; round += 1) {
    const good = Array.from({ length: 3 }, (_, n) => recordOf(n));
    for (const record of good) await records.write(record, cx);
    const bad = new Map<string, { what: string; identity: string }>();
    for (let n = good.length; n < each; n += 1) {
      const record = recordOf(n);
      const path = join(inside, `${record.id}.json`);
      const what = leave(path, { good: recordText(record), random, fifo });
      met.set(what, (met.get(what) ?? 0) + 1);
      bad.set(path, { what, identity: identity(path) });
    }
    const loaded = await records.load(cx);
    const byId = (a: VmRecord, b: VmRecord): number => (a.id < b.id ? -1 : 1);
    if (!t.strictSame([...loaded.records].sort(byId), good.sort(byId), 'the good ones are read')) break;
    const told = loaded.unusable.map((error) =>
      recordUnusable.is(error) ? String(error.detail['path']) : '',
    );
    t.strictSame(told.sort(), [...bad.keys()].sort(), 'and each of the others is told of');
    for (const [path, { what, identity: was }] of bad)
      if (identity(`${path}.unusable`) !== was) t.fail(`${what} is not what it was`);
    t.strictSame((await records.load(cx)).unusable, [], 'once');
    for (const name of readdirSync(inside)) rmSync(join(inside, name), { recursive: true });
  }
  t.ok(mebibytes() - before < 150, `memory grew by ${(mebibytes() - before).toFixed(0)} MiB`);
  process.stderr.write(`debris  ${[...met].map(([what, count]) => `${what} ${count}`).join(', ')}\n`);
});

t.test('a record that reads, is what was written: no changed letter of a path goes unseen', (t) => {
  const random = generator(seed + 1);
  const good = recordOf(1);
  const text = recordText(good);
  t.strictSame(readRecord(text), { ok: true, record: good });
  t.strictSame(
    readRecord(JSON.stringify(JSON.parse(text), null, 2)),
    { ok: true, record: good },
    'spaces are none',
  );
  let refused = 0;
  for (let run = 0; run < runs * 3; run += 1) {
    const read = readRecord(mutated(text, random).toString());
    if (!read.ok) refused += 1;
    else if (JSON.stringify(read.record) !== JSON.stringify(good)) t.fail(JSON.stringify(read.record));
  }
  t.ok(refused > runs * 2, `${refused} of ${runs * 3} were refused`);
  t.end();
});

t.test('an older record is taken up as this version has it; a newer one is refused by its number', (t) => {
  const { adopted, expiresAt, parts, userData, container, reservedSnapshot, ...old } = recordOf(1);
  const first = { version: 1, ...old };
  t.strictSame(readRecord(JSON.stringify(first)), {
    ok: true,
    record: { ...old, adopted, expiresAt, parts, userData, container, reservedSnapshot },
  });
  t.match(readRecord(JSON.stringify({ ...first, version: 3 })), {
    why: /version 3, this thawd knows up to 2/,
  });
  t.match(readRecord(JSON.stringify({ ...first, version: 0 })), { why: 'it has no version' });
  t.match(readRecord(JSON.stringify({ ...first, version: 2 })), { why: /its checksum is another/ });
  t.end();
});

t.test(
  'what was set aside stays, also where another of its name is; what can’t be moved is told of',
  async (t) => {
    const dir = mkdtempSync('/dev/shm/thaw-records-');
    t.teardown(() => rmSync(dir, { recursive: true, force: true }));
    const records = await Records.open(dir, cx);
    const path = join(dir, 'records', 'vm-0000000001.json');
    for (const text of ['first', 'second', 'third']) {
      writeFileSync(path, text);
      await records.load(cx);
    }
    t.strictSame(
      readdirSync(join(dir, 'records')).sort(),
      ['', '.2', '.3'].map((more) => `${basename(path)}.unusable${more}`),
    );
    writeFileSync(`${path}.new`, 'half');
    await Records.open(dir, cx);
    t.notOk(readdirSync(join(dir, 'records')).includes(`${basename(path)}.new`), 'half a record is none');
  },
);

t.test(`manifests (seed ${seed}): what is no snapshot is passed over and told of once`, async (t) => {
  const random = generator(seed + 2);
  const dir = await folder(t);
  const warnings: Warning[] = [];
  const store = await openStore(dir, { warnings });
  const fifo = fifoAt(dir);
  let number = 0;
  for (let round = 0; round < runs / each / 2; round += 1) {
    const [good, bad] = [[] as unknown[], [] as string[]];
    for (let n = 0; n < each; n += 1) {
      const id = snapshotId((number += 1));
      const manifest = manifestFor(id, []);
      const at = join(dir, 'snapshots', id);
      mkdirSync(at);
      const path = join(at, 'manifest.json');
      if (n < 3) {
        good.push(manifest);
        writeFileSync(path, writeManifest(manifest), { mode: 0o400 });
      } else if (leave(path, { good: writeManifest(manifest), random, fifo }) === 'mutated') {
        // Without a checksum a changed name is a name; its files are verified before anybody uses them.
        rmSync(path);
      } else bad.push(at);
    }
    warnings.splice(0);
    t.strictSame(await store.list(cx), good);
    const told = warnings.map(({ data }) => String(data?.['path']));
    t.strictSame(
      bad.filter((at) => !told.includes(at)),
      [],
    );
    await store.list(cx);
    t.equal(warnings.length, told.length, 'once');
    renameSync(join(dir, 'snapshots'), join(dir, `old-${round}`));
    mkdirSync(join(dir, 'snapshots'));
  }
});
