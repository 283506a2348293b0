import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { startHost } from '../support/host.js';
import { clonesOf, reasonsOf, sourceWithNics } from './network.js';
import { holds, networks, restore } from './netns.js';

/** A host whose daemons take their faults from a file, and a snapshot whose source is gone. */
async function faulty(t: Parameters<typeof startHost>[0]) {
  const host = await startHost(t, { config: { networks, netns: { pool: 1 } } });
  const file = join(host.storeDir, 'faults.json');
  const set = (faults: unknown) => writeFile(file, JSON.stringify(faults));
  const start = () => host.start({ THAW_FAULTS: `@${file}` });
  await set([]);
  await host.kill('SIGTERM');
  await start();
  await sourceWithNics(host);
  await host.client.vm.stop({ vm: 'source' });
  return { host, set, start };
}

t.test('a failure at any effect of its own leaves nothing', async (t) => {
  const { host, set } = await faulty(t);
  const [vm] = clonesOf(await restore(host));
  const { timelines } = await host.client.vm.timeline({ vm: vm?.id ?? '' });
  const spans = timelines.find(({ method }) => method === 'snapshot.restore')?.spans ?? [];
  await host.client.vm.stop({ vm: vm?.id ?? '' });
  const own = [
    'netns.give',
    'uplink.lay',
    'inner.make',
    'filter.add',
    'process.spawn',
    'inner.look',
    'vmm.load',
  ];
  for (const at of own) {
    t.ok(
      spans.some(({ kind, name }) => kind === 'effect' && name === at),
      at,
    );
    for (const when of ['before', 'after']) {
      await set([{ at, when, nth: 1, fail: 'EIO' }]);
      t.strictSame(reasonsOf(await restore(host)), ['system-call-failed'], `${when} ${at}`);
      t.strictSame(await host.leftovers(), []);
      t.equal(await holds(host, 1), 1, 'no namespace is held but the one kept ready');
    }
  }
  await set([]);
  t.strictSame((await host.client.network.check()).findings, []);
});

t.test('an undo that fails is tried again by the next daemon', async (t) => {
  const { host, set, start } = await faulty(t);
  for (const at of ['netns.drop', 'tap.remove']) {
    const [vm] = clonesOf(await restore(host));
    await set([{ at, nth: 1, fail: 'EIO' }]);
    t.match(await host.client.vm.stop({ vm: vm?.id ?? '' }).catch(String), /undo|could not/i, at);
    await set([]);
    await host.kill('SIGTERM');
    await start();
    t.strictSame(await host.leftovers(), []);
  }
});

t.test('a daemon that dies in the middle leaves nothing', async (t) => {
  const { host, set, start } = await faulty(t);
  for (const at of ['netns.give', 'uplink.lay', 'inner.make', 'process.spawn', 'vmm.load']) {
    await set([{ at, when: 'after', nth: 1, kill: true }]);
    await restore(host).catch(() => undefined);
    await host.ended();
    await set([]);
    await start();
    t.strictSame(await host.leftovers(), [], at);
  }
});
