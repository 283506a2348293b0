// Slots for clones of a snapshot with its NICs inside.
import t from 'tap';
import { atOnce, eventually, stopAll } from '../support/flow.js';
import { startHost, type Host } from '../support/host.js';
import { addressOf, clonesOf, pingFrom, sourceWithNics } from './network.js';
import { networks } from './netns.js';

/** A host with slots for clones of a snapshot by this strategy; the source, which has two NICs, lives on. */
async function slotted(t: Parameters<typeof startHost>[0], strategy: 'override' | 'netns'): Promise<Host> {
  const slots = { size: 2, strategy, snapshot: 'base' };
  const host = await startHost(t, { config: { networks, slots, netns: { pool: 0 } }, env: atOnce });
  await sourceWithNics(host, { networks: ['default', 'back'] });
  await host.restart();
  return host;
}

const full = (host: Host, size = 2) =>
  eventually(`${size} slots`, async () =>
    (await host.client.system.health()).slots === size ? true : undefined,
  );

/** What a clone's restore has made of processes, links and namespaces. */
async function made(host: Host, vm: string): Promise<readonly string[]> {
  const { timelines } = await host.client.vm.timeline({ vm });
  const of = timelines.find(({ method }) => method === 'snapshot.restore');
  const effects = of?.spans.flatMap(({ kind, name }) => (kind === 'effect' ? [name] : [])) ?? [];
  return effects.filter((name) =>
    /^(?:process\.spawn|taps?\.create|netns\.give|uplink\.lay|inner\.make)$/.test(name),
  );
}

for (const strategy of ['override', 'netns'] as const) {
  t.test(`${strategy}: a clone that finds a slot starts no process and makes nothing`, async (t) => {
    const host = await slotted(t, strategy);
    await full(host);
    const restore = (names: string[], more: object = {}) =>
      host.client.snapshot.restore({ snapshot: 'base', strategy, names, ping: true, ...more });
    const vms = clonesOf(await restore(['one', 'two', 'three']));
    const effects = await Promise.all(vms.map(({ name }) => made(host, name)));
    t.equal(effects.filter((some) => some.length === 0).length, 2, 'two found slots, a third was made');
    for (const vm of vms) {
      t.equal(vm.word, 'ready');
      for (const nic of [0, 1]) t.ok(await host.ping(addressOf(vm, nic)));
      t.ok(await pingFrom(host, vm, '10.88.0.1'));
    }
    await full(host);
    t.strictSame((await host.client.network.check({})).findings, []);
    const [asked] = clonesOf(await restore(['asked'], { nics: [{ mac: '02:00:00:00:00:44' }] }));
    t.equal(asked?.attachments[0]?.mac, '02:00:00:00:00:44');
    t.ok((await made(host, 'asked')).includes('process.spawn'), 'what no slot has is made');
    await full(host);

    // The name goes to another snapshot: slots of the one before are of no use any more.
    const { snapshots } = await host.client.snapshot.list();
    await stopAll(host);
    await host.client.snapshot.delete({ snapshot: snapshots[0]?.id ?? '' });
    await sourceWithNics(host);
    await host.client.vm.stop({ vm: 'source' });
    clonesOf(await restore(['other']));
    await full(host);
    clonesOf(await restore(['again']));
    t.strictSame(await made(host, 'again'), []);
    await stopAll(host);
    await host.kill('SIGTERM');
    t.strictSame(
      (await host.leftovers()).filter((thing) => !thing.startsWith('process')),
      [],
    );
  });
}

t.test('a network that is all slots’ has room for others', async (t) => {
  const small = { default: { bridge: 'thaw0', subnet: '10.88.0.0/29', dns: [] } };
  const host = await startHost(t, { config: { networks: small, slots: { size: 9 } }, env: atOnce });
  await full(host, 5);
  const { source } = await sourceWithNics(host);
  t.ok(await host.ping(addressOf(source)), 'a slot has made way');
  await stopAll(host);
});
