import { access, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { again, eventually, failureOf, hostWithBase, machine, only, stopAll } from '../support/flow.js';

const { host } = await hostWithBase(t, {
  config: { reconcile: { intervalSeconds: 0 }, health: { intervalSeconds: 0 } },
});
const reconcile = (dryRun = false) => host.client.system.reconcile({ dryRun });
const restore = async (name: string) =>
  only((await host.client.snapshot.restore({ snapshot: 'base', names: [name] })).clones);
const recordOf = (id: string) => join(host.runDir, 'records', `${id}.json`);
const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

t.test('a healthy host: nothing is found and nothing is done', async (t) => {
  await host.client.snapshot.restore({ snapshot: 'base', count: 3 });
  for (let run = 0; run < 2; run += 1) {
    t.match(await reconcile(), { dryRun: false, findings: [], skipped: [], effects: [] });
  }
  for (const { name } of (await host.client.vm.list()).vms) await host.client.vm.stop({ vm: name });
  t.match(await reconcile(), { findings: [], effects: [] });
  t.strictSame(await host.leftovers(), []);
});

t.test(
  'a dry run tells and changes nothing; the next run mends, and the one after finds nothing',
  async (t) => {
    const vm = await restore('mended');
    const text = await readFile(recordOf(vm.id), 'utf8');
    await rm(recordOf(vm.id));
    await host.exec('nft', 'delete', 'table', 'bridge', 'thaw');
    await host.exec('ip', 'tuntap', 'add', 'stray0', 'mode', 'tap');
    await host.exec('ip', 'link', 'set', 'stray0', 'alias', 'thaw:vm-0000000000');
    await host.exec('ip', 'tuntap', 'add', 'foreign0', 'mode', 'tap');
    const expected = [
      { vm: null, what: 'tap stray0', repair: 'sweep' },
      { vm: null, what: `rules of ${vm.id}`, repair: 'mend' },
      { vm: vm.id, what: 'mended', repair: 'rewrite' },
    ];
    const dry = await reconcile(true);
    const byRepair = (findings: typeof dry.findings) =>
      [...findings].sort((a, b) => String(b.repair).localeCompare(String(a.repair)));
    t.match(
      byRepair(dry.findings),
      byRepair(expected as typeof dry.findings).map((one) => ({ ...one, outcome: 'found' })),
    );
    t.equal(dry.findings.length, 3);
    t.strictSame(dry.effects, []);
    t.notOk(await isThere(recordOf(vm.id)));
    t.match(await host.exec('ip', 'link', 'show', 'stray0'), /stray0/);
    const wet = await reconcile();
    t.strictSame(
      wet.findings.map(({ outcome }) => outcome),
      ['mended', 'mended', 'mended'],
    );
    t.ok(wet.effects.length > 0);
    t.strictSame(JSON.parse(await readFile(recordOf(vm.id), 'utf8')), JSON.parse(text));
    await t.rejects(host.exec('ip', 'link', 'show', 'stray0'));
    t.match(await host.exec('ip', 'link', 'show', 'foreign0'), /foreign0/, 'no mark, not ours');
    t.match(
      await host.exec('nft', 'list', 'table', 'bridge', 'thaw'),
      new RegExp(vm.attachments[0]?.tap ?? '?'),
    );
    t.match(await reconcile(), { findings: [], effects: [] });
    await host.exec('ip', 'link', 'delete', 'foreign0');
    await host.client.vm.stop({ vm: 'mended' });
    t.strictSame(await host.leftovers(), []);
  },
);

t.test('what a stop could not undo is undone', async (t) => {
  await again(host, { at: 'tap.remove', nth: 1, fail: 'EBUSY' });
  const { id } = await restore('sticky');
  t.match(await failureOf(host.client.vm.stop({ vm: 'sticky' })), { reason: 'undo-failed' });
  t.match((await host.client.vm.get({ vm: 'sticky' })).vm, { word: 'stopping' });
  t.match(await reconcile(), { findings: [{ vm: id, repair: 'remove', outcome: 'mended' }] });
  t.strictSame((await host.client.vm.list()).vms, []);
  t.strictSame(await host.leftovers(), []);
});

t.test('what can’t be undone yet is told, and stays for the next run', async (t) => {
  // A fault that fires keeps the next one from counting: the second stands for the second time.
  await again(host, { at: 'tap.remove', nth: 1, fail: 'EBUSY' }, { at: 'tap.remove', nth: 1, fail: 'EBUSY' });
  await restore('stickier');
  await failureOf(host.client.vm.stop({ vm: 'stickier' }));
  t.match(await reconcile(), { findings: [{ repair: 'remove', outcome: 'failed', error: /stickier/ }] });
  t.match(await reconcile(), { findings: [{ repair: 'remove', outcome: 'mended', error: null }] });
  t.strictSame(await host.leftovers(), []);
});

t.test('a VM that somebody works on is left alone', async (t) => {
  await again(host, { at: 'vmm.pause', delay: 1_000 });
  const vm = await restore('busy');
  const pausing = host.client.vm.pause({ vm: 'busy' });
  await eventually('the operation', async () =>
    (await host.client.vm.get({ vm: 'busy' })).vm.operation === null ? undefined : true,
  );
  await rm(recordOf(vm.id));
  t.match(await reconcile(), { findings: [], skipped: ['busy'], effects: [] });
  t.notOk(await isThere(recordOf(vm.id)));
  await pausing;
  t.match(await reconcile(), { findings: [{ vm: vm.id, repair: 'rewrite', outcome: 'mended' }] });
  await host.client.vm.stop({ vm: 'busy' });
});

t.test(
  'it looks again before it acts: what somebody has begun to work on meanwhile is not touched',
  async (t) => {
    // The third listing of records, after the start’s and the first look, is the look before the repair.
    await again(host, { at: 'record.names', nth: 3, delay: 1_000 }, { at: 'vmm.pause', delay: 3_000 });
    const vm = await restore('again');
    await rm(recordOf(vm.id));
    const running = reconcile();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const pausing = host.client.vm.pause({ vm: 'again' });
    t.match(await running, { findings: [{ vm: vm.id, repair: 'rewrite', outcome: 'found' }], effects: [] });
    t.notOk(await isThere(recordOf(vm.id)));
    await pausing;
    await host.client.vm.stop({ vm: 'again' });
  },
);

t.test(
  'a tap that was taken from a live VM, and a stranger’s record, are told and left to people',
  async (t) => {
    await again(host);
    const vm = await restore('robbed');
    const { id } = await restore('other');
    const stranger = 'vm-0000000000';
    await writeFile(recordOf(stranger), (await readFile(recordOf(id), 'utf8')).replaceAll(id, stranger));
    await host.exec('ip', 'link', 'delete', vm.attachments[0]?.tap ?? '?');
    const { findings } = await reconcile();
    t.match(
      findings.find((one) => one.vm === vm.id),
      { repair: null, outcome: 'found', remedy: /./ },
    );
    t.match(
      findings.find((one) => one.vm === null),
      { what: `record of ${stranger}`, repair: null },
    );
    t.equal((await host.client.vm.list()).vms.length, 2, 'both live on');
    await rm(recordOf(stranger));
    for (const { name } of (await host.client.vm.list()).vms) await host.client.vm.stop({ vm: name });
    t.strictSame(await host.leftovers(), []);
  },
);

t.test('it runs by itself, too', async (t) => {
  const { host: own } = await hostWithBase(t, { config: { reconcile: { intervalSeconds: 1 } } });
  const vm = only((await own.client.snapshot.restore({ snapshot: 'base' })).clones);
  const path = join(own.runDir, 'records', `${vm.id}.json`);
  await rm(path);
  await eventually('the record', async () => ((await isThere(path)) ? true : undefined));
  await own.client.vm.stop({ vm: vm.name });
  t.strictSame(await own.leftovers(), []);
});

t.test('a source that its failed snapshot left paused runs again, and is said to', async (t) => {
  await host.client.vm.boot({ name: 'source', config: machine() });
  await again(
    host,
    { at: 'vmm.create', when: 'after', fail: 'EIO', nth: 1 },
    { at: 'vmm.resume', fail: 'EIO', nth: 1 },
  );
  t.match(await failureOf(host.client.snapshot.create({ vm: 'source' })), {
    detail: { source: { word: 'paused' } },
  });
  t.match(await reconcile(), { findings: [{ what: 'source', repair: 'undo', outcome: 'mended' }] });
  t.match(await host.client.vm.get({ vm: 'source' }), { vm: { word: 'ready', power: { is: 'running' } } });
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});
