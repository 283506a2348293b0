import t from 'tap';
import { only, outcomes, stopAll, type Vm } from '../support/flow.js';
import { startHost } from '../support/host.js';
import { inGuests, linux, linuxHost, onQemu } from '../support/linux-guest.js';

const addressOf = ({ attachments: [nic] }: Vm): string => nic?.addresses[0]?.split('/')[0] ?? '';

t.test('a snapshot of a clone: its clones know what it knew, and are not it', async (t) => {
  const host = await linuxHost(t);
  const { clones } = await host.client.snapshot.restore({ snapshot: 'base', names: ['parent'] });
  const parent = only(clones);
  await inGuests(host, [parent], 'echo remembered > /tmp/note');
  await host.client.snapshot.create({ vm: 'parent', name: 'second', keepNics: true });
  const { chosen, clones: children } = await host.client.snapshot.restore({
    snapshot: 'second',
    names: ['one', 'two'],
    strategy: 'override',
    ping: true,
  });
  t.equal(chosen, 'override');
  const vms = children.map((clone) => only([clone]));
  const look =
    'cat /tmp/note; hostname; cat /sys/class/net/eth0/address; head -c 16 /dev/urandom | od -An -tx1';
  const said = await inGuests(host, vms, look);
  for (const [index, vm] of vms.entries()) {
    t.match(said[index], `remembered\n${vm.name}\n${vm.attachments[0]?.mac ?? '-'}\n`);
    t.ok(await host.ping(addressOf(vm)));
  }
  t.not(said[0], said[1]);
  t.ok(await host.ping(addressOf(parent)), 'the parent lives on');
  // A NIC of the first generation does not stand in the way of another.
  t.match(await host.client.network.attach({ vm: 'one' }), { attachment: { state: { is: 'confirmed' } } });
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('a source with a NIC: the strategies that want it inside', async (t) => {
  const host = await startHost(t, { env: onQemu });
  await host.client.vm.boot({
    name: 'source',
    config: linux(),
    networks: ['default'],
    snapshotId: 'snap-q0q0q0q0q0',
  });
  await host.client.snapshot.create({ vm: 'source', name: 'base', keepNics: true });
  await host.client.vm.stop({ vm: 'source' });
  for (const strategy of ['recorded', 'predictable'] as const) {
    const { clones } = await host.client.snapshot.restore({ snapshot: 'base', strategy, ping: true });
    t.strictSame(outcomes(clones), ['ready'], strategy);
    await stopAll(host);
  }
  const { clones } = await host.client.snapshot.restore({
    snapshot: 'base',
    count: 2,
    strategy: 'netns',
    ping: true,
  });
  t.strictSame(outcomes(clones), ['ready', 'ready'], 'netns');
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});
