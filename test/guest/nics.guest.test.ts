import t from 'tap';
import { failureOf, only, stopAll, type Vm } from '../support/flow.js';
import { inGuests, linuxHost } from '../support/linux-guest.js';

const host = await linuxHost(t, {
  config: {
    networks: {
      default: { bridge: 'thaw0', subnet: '10.90.0.0/24', dns: [] },
      second: { bridge: 'thaw1', subnet: '10.91.0.0/24', dns: [] },
    },
  },
});
const addressOf = ({ attachments }: Vm, index: number): string =>
  attachments[index]?.addresses[0]?.split('/')[0] ?? '';
const look = async (vm: string) => (await host.client.vm.get({ vm })).vm;
const names = 'for N in /sys/class/net/eth*; do echo "${N##*/} $(cat $N/address)"; done';

t.test('two NICs at the restore and a third later: each found by its MAC, each answers', async (t) => {
  const { clones } = await host.client.snapshot.restore({
    snapshot: 'base',
    names: ['many'],
    nics: [{}, { network: 'second' }],
  });
  only(clones);
  await host.client.network.attach({ vm: 'many' });
  const vm = await look('many');
  t.strictSame(
    vm.attachments.map(({ state }) => state.is),
    ['confirmed', 'confirmed', 'confirmed'],
  );
  for (const index of [0, 1, 2]) t.ok(await host.ping(addressOf(vm, index)), `NIC ${index}`);
  const [said = ''] = await inGuests(host, [vm], names);
  t.strictSame(
    said.split('\n').sort(),
    vm.attachments.map(({ guestInterface, mac }) => `${guestInterface ?? '?'} ${mac}`).sort(),
  );
});

t.test('a look into it: nothing is lacking but a port below 1024', async (t) => {
  const { diagnoses } = await host.client.agent.check({ vm: 'many' });
  const levels = new Map(diagnoses.map(({ check, level }) => [check, level]));
  for (const check of [
    'PCI',
    'hot-plug',
    'virtio_pci',
    'virtio_net',
    'randomness',
    'programs',
    'files',
    'machine-id',
  ])
    t.equal(levels.get(check), 'ok', check);
  t.strictSame(
    [...levels].filter(([, level]) => level !== 'ok'),
    [['agent port', 'warning']],
  );
});

t.test(
  'one that is detached is gone in the guest, the others work on, and a further one is refused',
  async (t) => {
    await host.client.network.detach({ vm: 'many', attachment: 'eth1' });
    const vm = await look('many');
    t.strictSame(
      vm.attachments.map(({ id }) => id),
      ['eth0', 'eth2'],
    );
    for (const index of [0, 1]) t.ok(await host.ping(addressOf(vm, index)));
    const [said = ''] = await inGuests(host, [vm], names);
    t.equal(said.split('\n').length, 2);
    t.match(await failureOf(host.client.network.attach({ vm: 'many' })), { reason: 'nic-after-unplug' });
    t.strictSame((await host.client.network.check({})).findings, []);
    await stopAll(host);
    t.strictSame(await host.leftovers(), []);
  },
);
