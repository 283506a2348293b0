// predictable and recorded: the clone takes the place of its source, taps' names, MACs and addresses.
import t from 'tap';
import { ThawError, type ThawClient } from '../../client/index.js';
import { SnapshotId } from '../../daemon/api/shapes/ids.js';
import { predictableTap } from '../../plugins/network/strategies/predictable.js';
import { startHost } from '../support/host.js';
import {
  addressOf,
  clonesOf,
  machine,
  networks,
  nicsInVmm,
  pingFrom,
  reasonsOf,
  sourceWithNics,
  vmFolders,
} from './network.js';

/** The error with which a call is refused. */
const refusal = (call: Promise<unknown>): Promise<ThawError | undefined> =>
  call.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof ThawError) return error;
      throw error;
    },
  );
const reason = async (call: Promise<unknown>): Promise<string | undefined> => (await refusal(call))?.reason;

for (const strategy of ['predictable', 'recorded'] as const) {
  // Taps with names that a snapshot has inside are all that a Firecracker older than overrides can have.
  for (const version of ['1.16.1', '1.10.0']) {
    t.test(`${strategy}, Firecracker ${version}: one user at a time, the source counts`, async (t) => {
      const host = await startHost(t, {
        config: { networks },
        env: { FIRECRACKER_STANDIN_VERSION: version },
      });
      const thaw = host.client;
      const wish = { snapshot: 'base', strategy };
      const { source, snapshot } = await sourceWithNics(
        host,
        strategy === 'predictable' ? { snapshotId: 'new' } : {},
      );
      const [nic] = source.attachments;
      const before = await vmFolders(host);

      const taken = await refusal(thaw.snapshot.restore(wish));
      t.match(taken, { reason: 'tap-taken', message: /is source’s/ });
      t.match(await refusal(thaw.network.plan(wish)), { reason: 'tap-taken' });
      t.strictSame(await vmFolders(host), before, 'before anything was touched');
      t.ok(await host.ping(addressOf(source)), 'and the source goes on');
      await thaw.vm.stop({ vm: 'source' });

      t.equal(await reason(thaw.snapshot.restore({ ...wish, count: 2 })), 'not-fit-for-strategy');
      const [clone] = clonesOf(await thaw.snapshot.restore({ ...wish, names: ['clone'] }));
      if (!clone) return;
      t.match(clone.attachments, [{ tap: nic?.tap, mac: nic?.mac, addresses: nic?.addresses }]);
      if (strategy === 'predictable')
        t.equal(clone.attachments[0]?.tap, predictableTap(SnapshotId.parse(snapshot.id), 0));
      t.ok(await host.ping(addressOf(clone)));
      t.ok(await pingFrom(host, clone, '10.88.0.1'));
      t.match(await refusal(thaw.snapshot.restore(wish)), { reason: 'tap-taken', message: /is clone’s/ });
      t.ok(await host.ping(addressOf(clone)), 'whoever was refused has not cut it off');

      await host.restart();
      const again = await refusal(host.client.snapshot.restore(wish));
      t.match(again, { reason: 'tap-taken', message: /is clone’s/ }, 'the next daemon knows it too');
      await host.client.vm.stop({ vm: 'clone' });
      const [next] = clonesOf(
        await host.client.snapshot.restore({ ...wish, nics: [{ network: 'back' }], names: ['next'] }),
      );
      t.match(next?.attachments, [{ tap: nic?.tap, mac: nic?.mac, network: 'back' }]);
      t.ok(next && (await host.ping(addressOf(next))), 'in another network it gets an address of that');
      t.strictSame((await host.client.network.check({})).findings, []);
      await host.client.vm.stop({ vm: 'next' });
      await host.client.snapshot.delete({ snapshot: 'base' });
      t.strictSame(await host.leftovers(), []);
    });
  }
}

t.test('recorded: of restores at the same moment one gets the tap', async (t) => {
  const host = await startHost(t);
  await sourceWithNics(host);
  await host.client.vm.stop({ vm: 'source' });
  const all = await Promise.allSettled(
    Array.from({ length: 4 }, () => host.client.snapshot.restore({ snapshot: 'base', strategy: 'recorded' })),
  );
  const reasons = all.map((one) => {
    if (one.status === 'rejected') return one.reason instanceof ThawError ? one.reason.reason : 'other';
    return reasonsOf(one.value)[0] ?? 'restored';
  });
  t.strictSame(reasons.sort(), ['restored', 'tap-taken', 'tap-taken', 'tap-taken']);
  const { vms } = await host.client.vm.list();
  t.equal(vms.length, 1);
  t.ok(vms[0] && (await host.ping(addressOf(vms[0]))));
});

t.test('recorded: a tap of that name which is somebody else’s is never touched', async (t) => {
  const host = await startHost(t);
  const { source } = await sourceWithNics(host);
  await host.client.vm.stop({ vm: 'source' });
  const tap = source.attachments[0]?.tap ?? '';
  await host.exec('ip', 'tuntap', 'add', tap, 'mode', 'tap');
  await host.exec('ip', 'link', 'set', tap, 'alias', 'mine');
  const before = await host.exec('ip', '-details', 'link', 'show', tap);
  const refused = await refusal(host.client.snapshot.restore({ snapshot: 'base', strategy: 'recorded' }));
  t.match(refused, { reason: 'tap-taken', message: /not thaw’s/ });
  t.equal(await host.exec('ip', '-details', 'link', 'show', tap), before);
  t.strictSame(await vmFolders(host), []);
});

t.test('recorded: a guest without an agent keeps all that it has', async (t) => {
  const host = await startHost(t);
  const thaw = host.client;
  const { vm: source } = await thaw.vm.boot({
    name: 'source',
    config: machine,
    networks: ['default'],
    agent: null,
  });
  await thaw.snapshot.create({ vm: 'source', name: 'base', keepNics: true });
  await thaw.vm.stop({ vm: 'source' });
  const wish = { snapshot: 'base', strategy: 'recorded' } as const;
  t.equal(
    await reason(thaw.snapshot.restore({ ...wish, nics: [{ address: '10.88.0.77' }] })),
    'not-fit-for-strategy',
  );
  t.equal(await reason(thaw.snapshot.restore({ ...wish, strategy: 'override' })), 'not-fit-for-strategy');
  const [clone] = clonesOf(await thaw.snapshot.restore(wish));
  t.match(clone, { word: 'running', attachments: [{ addresses: source.attachments[0]?.addresses }] });
});

t.test('predictable: an id is one source’s, and the first snapshot’s', async (t) => {
  const host = await startHost(t, { config: { networks } });
  const thaw: ThawClient = host.client;
  const snapshotId = 'snap-0123456789';
  const { vm: source } = await thaw.vm.boot({
    ...{ name: 'source', config: machine, networks: ['default', 'back'], snapshotId },
  });
  t.equal(source.reservedSnapshot, snapshotId);
  const boot = (more: object) => reason(thaw.vm.boot({ config: machine, networks: ['default'], ...more }));
  t.equal(await boot({ snapshotId }), 'snapshot-id-taken', 'the source has it');
  t.equal(
    await boot({ snapshotId, networks: [] }),
    'invalid-params',
    'without a NIC there is nothing to name',
  );
  await host.restart();
  t.equal(
    (await host.client.vm.get({ vm: 'source' })).vm.reservedSnapshot,
    snapshotId,
    'it is in the record',
  );
  const create = { vm: 'source', keepNics: true };
  const { snapshot } = await host.client.snapshot.create({ ...create, name: 'base' });
  t.equal(snapshot.id, snapshotId);
  t.strictSame(
    snapshot.nics.map(({ tap }) => tap),
    [0, 1].map((index) => String(predictableTap(SnapshotId.parse(snapshot.id), index))),
  );
  t.equal((await host.client.vm.get({ vm: 'source' })).vm.reservedSnapshot, null);
  const { snapshot: second } = await host.client.snapshot.create({ ...create, name: 'second' });
  t.not(second.id, snapshotId, 'it is given once');
  await host.client.vm.stop({ vm: 'source' });
  t.match(
    await refusal(host.client.vm.boot({ config: machine, networks: ['default'], snapshotId })),
    { reason: 'snapshot-id-taken' },
    'and never to another',
  );
  t.match(await refusal(host.client.snapshot.restore({ snapshot: 'second', strategy: 'predictable' })), {
    reason: 'not-fit-for-strategy',
    message: /which follows from its id/,
  });
  const limiter = { ops: { size: 100, refill_time: 100 } };
  const [clone] = clonesOf(
    await host.client.snapshot.restore({
      ...{ snapshot: 'base', strategy: 'predictable', nics: [{ id: 'eth1', txRateLimiter: limiter }] },
    }),
  );
  t.equal(clone?.attachments.length, 2);
  t.match(clone && (await nicsInVmm(clone)), [{ iface_id: 'eth0' }, { tx_rate_limiter: limiter }]);
  for (const nic of [0, 1]) t.ok(clone && (await host.ping(addressOf(clone, nic))));
});
