import t from 'tap';
import { ThawError } from '../../client/index.js';
import { Capture, holds } from '../support/capture.js';
import { startHost } from '../support/host.js';
import {
  addressOf,
  clonesOf,
  inGuest,
  machine,
  networks,
  nicsInVmm,
  pingFrom,
  reasonsOf,
  sourceWithNics,
  vmFolders,
} from './network.js';

/** The reason with which a call is refused. */
const reason = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'none',
    (error: unknown) => (error instanceof ThawError ? error.reason : String(error)),
  );

t.test('override: clones beside their living source, each with its own tap, MAC and address', async (t) => {
  const host = await startHost(t, { config: { networks } });
  const thaw = host.client;
  const { source, snapshot } = await sourceWithNics(host);
  t.match(snapshot.nics, [{ id: 'eth0', network: 'default', mac: source.attachments[0]?.mac }]);
  const restored = await thaw.snapshot.restore({ snapshot: 'base', count: 2, strategy: 'override' });
  t.match(restored, { chosen: 'override', passedOver: [] });
  const vms = [source, ...clonesOf(restored)];
  for (const what of ['tap', 'mac', 'addresses'] as const) {
    const values = vms.map((vm) => String(vm.attachments[0]?.[what]));
    t.equal(new Set(values).size, 3, `${what}: ${values.join(', ')}`);
  }
  for (const vm of vms) {
    t.ok(await host.ping(addressOf(vm)), `the host reaches ${vm.name}`);
    t.ok(await pingFrom(host, vm, '10.88.0.1'), `${vm.name} reaches the host`);
    const seen = await inGuest(host, vm, 'ip', 'addr', 'show', 'dev', 'eth0');
    t.match(seen, vm.attachments[0]?.mac ?? '-');
    t.equal(seen.match(/inet /g)?.length, 1, 'the source’s address is gone');
  }
  t.strictSame((await thaw.network.check({ ping: true })).findings, []);
  for (const vm of vms) await thaw.vm.stop({ vm: vm.id });
  await thaw.snapshot.delete({ snapshot: 'base' });
  t.strictSame(await host.leftovers(), []);
});

t.test('override: nothing of the source is heard before the guest has confirmed, nor after', async (t) => {
  // The guest runs for a second, as its source, before it is told.
  const host = await startHost(t, {
    config: { networks },
    vmmFaults: [{ at: 'agent.guest-exec', do: 'delay', ms: 1_000, nth: 1 }],
  });
  const thaw = host.client;
  const { source } = await sourceWithNics(host, { name: 'source' });
  await thaw.vm.stop({ vm: 'source' });
  const { vm: neighbour } = await thaw.vm.boot({ name: 'neighbour', config: machine, networks: ['default'] });
  const capture = await Capture.start(host.box);
  const restoring = thaw.snapshot.restore({ snapshot: 'base', names: ['clone'], strategy: 'override' });
  await until(async () => (await thaw.vm.get({ vm: 'clone' })).vm.operation?.step === 'update');
  const { vm: early } = await thaw.vm.get({ vm: 'clone' });
  t.notOk(await pingFrom(host, early, '10.88.0.1'), 'its port is closed');
  const [clone] = clonesOf(await restoring);
  t.ok(clone && (await pingFrom(host, clone, '10.88.0.1')), 'and now it is open');
  const frames = await capture.stop();
  const tap = early.attachments[0]?.tap;
  const ofSource = frames.filter((one) =>
    [source.attachments[0]?.mac ?? '-', addressOf(source)].some((what) => holds(one, what)),
  );
  t.ok(
    ofSource.some(({ on }) => on === tap),
    'the guest did speak as its source',
  );
  t.strictSame(
    ofSource.filter(({ on }) => on !== tap),
    [],
    'which nobody heard',
  );
  const mine = frames.filter((one) => holds(one, clone?.attachments[0]?.mac ?? '-'));
  t.ok(
    mine.some(({ on }) => on === 'thaw0'),
    'the capture hears what passes',
  );
  t.ok(neighbour.attachments[0]?.tap);
});

async function until(ready: () => Promise<boolean>): Promise<void> {
  for (;;) {
    if (await ready().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

t.test('override: a MAC is kept for one clone on each network', async (t) => {
  const host = await startHost(t, { config: { networks } });
  const thaw = host.client;
  const { source } = await sourceWithNics(host);
  const mac = source.attachments[0]?.mac;
  const keep = { snapshot: 'base', strategy: 'override', keepMac: true } as const;
  t.equal(await reason(thaw.snapshot.restore({ ...keep, count: 2 })), 'not-fit-for-strategy');
  t.strictSame(reasonsOf(await thaw.snapshot.restore(keep)), ['mac-taken'], 'the source has it');
  await thaw.vm.stop({ vm: 'source' });
  const [first] = clonesOf(await thaw.snapshot.restore(keep));
  t.equal(first?.attachments[0]?.mac, mac);
  t.ok(first && (await host.ping(addressOf(first))));
  t.strictSame(reasonsOf(await thaw.snapshot.restore(keep)), ['mac-taken'], 'and now the first clone');
  const [second] = clonesOf(await thaw.snapshot.restore({ ...keep, nics: [{ network: 'back' }] }));
  t.match(second?.attachments, [{ mac, network: 'back' }]);
  t.ok(second && (await host.ping(addressOf(second))), 'on another network it is free');
  t.equal((await vmFolders(host)).length, 2, 'nothing is left of those that were refused');
});

t.test('override: several NICs, in whatever networks, with limits; an unknown one is refused', async (t) => {
  const host = await startHost(t, { config: { networks } });
  const thaw = host.client;
  const limiter = { bandwidth: { size: 1_000_000, refill_time: 100 } };
  const { source } = await sourceWithNics(host, {
    networks: ['default', { network: 'back', txRateLimiter: limiter }],
  });
  t.match(await nicsInVmm(source), [{ iface_id: 'eth0' }, { iface_id: 'eth1', tx_rate_limiter: limiter }]);
  const before = await vmFolders(host);
  const wrong = [
    { nics: [{ id: 'eth7' }] },
    { nics: [{}, {}, {}] },
    { nics: [] },
    { nics: [{ id: 'eth0' }, { id: 'eth0' }] },
  ];
  const reasons = await Promise.all(
    wrong.map((more) => reason(thaw.snapshot.restore({ snapshot: 'base', strategy: 'override', ...more }))),
  );
  t.strictSame(reasons, ['nic-unknown', ...Array<string>(3).fill('not-fit-for-strategy')]);
  t.strictSame(await vmFolders(host), before, 'before anything was made');

  const other = { ops: { size: 500, refill_time: 1_000 } };
  const nics = [{ id: 'eth1', network: 'default', rxRateLimiter: other }, { network: 'back' }];
  const [clone] = clonesOf(
    await thaw.snapshot.restore({ snapshot: 'base', strategy: 'override', nics, ping: true }),
  );
  if (!clone) return;
  t.match(clone.attachments, [
    { id: 'eth0', network: 'back' },
    { id: 'eth1', network: 'default' },
  ]);
  t.match(await nicsInVmm(clone), [
    { iface_id: 'eth0', host_dev_name: clone.attachments[0]?.tap },
    { iface_id: 'eth1', rx_rate_limiter: other, tx_rate_limiter: limiter },
  ]);
  t.ok(await host.ping(addressOf(clone)));
  t.strictSame((await thaw.network.check({})).findings, []);
});

t.test('override: a clone’s own snapshot, and that one’s clones', async (t) => {
  const host = await startHost(t, { config: { networks } });
  const thaw = host.client;
  await thaw.vm.boot({ name: 'source', config: machine });
  await thaw.snapshot.create({ vm: 'source', name: 'bare' });
  const [first] = clonesOf(await thaw.snapshot.restore({ snapshot: 'bare', names: ['first'] }));
  await thaw.snapshot.create({ vm: 'first', name: 'second', keepNics: true });
  const [clone] = clonesOf(
    await thaw.snapshot.restore({ snapshot: 'second', names: ['clone'], strategy: 'override' }),
  );
  // The VMM still knows the NIC by the MAC of `first`; the guest has another.
  const { snapshot } = await thaw.snapshot.create({ vm: 'clone', name: 'third', keepNics: true });
  t.equal(snapshot.nics[0]?.mac, clone?.attachments[0]?.mac);
  const thirds = clonesOf(await thaw.snapshot.restore({ snapshot: 'third', count: 2, strategy: 'override' }));
  const all = [first, clone, ...thirds];
  t.equal(new Set(all.map((vm) => vm?.attachments[0]?.mac)).size, 4);
  for (const vm of all) t.ok(vm && (await host.ping(addressOf(vm))), `${vm?.name} answers`);
  const { attachment } = await thaw.network.attach({ vm: 'clone', nic: { network: 'back' } });
  t.match(attachment, { id: 'eth1', state: { is: 'confirmed' } }, 'a further NIC can be attached');
});

t.test(
  'override: Firecracker 1.12 has it, 1.11 is too old, and says so before anything is made',
  async (t) => {
    const old = await startHost(t, { env: { FIRECRACKER_STANDIN_VERSION: '1.11.0' } });
    await sourceWithNics(old);
    const before = await vmFolders(old);
    t.equal(
      await reason(old.client.snapshot.restore({ snapshot: 'base', strategy: 'override' })),
      'vmm-too-old',
    );
    t.strictSame(await vmFolders(old), before);
    const since = await startHost(t, { env: { FIRECRACKER_STANDIN_VERSION: '1.12.0' } });
    await sourceWithNics(since);
    const clones = clonesOf(
      await since.client.snapshot.restore({ snapshot: 'base', strategy: 'override', count: 2 }),
    );
    for (const clone of clones) t.ok(await since.ping(addressOf(clone)));
  },
);
