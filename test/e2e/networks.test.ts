import { join } from 'node:path';
import t from 'tap';
import { ThawError } from '../../client/index.js';
import { startHost, type Host } from '../support/host.js';
import { arp, icmp6, udp } from '../plugins/network/guest.js';
import { addressOf, clonesOf, inGuest, machine, pingFrom, reasonsOf, type VmView } from './network.js';
import { asking, dropped, hostOutside, Outside, outside, serve } from './outside.js';

type Test = Parameters<typeof startHost>[0];

const env = { FIRECRACKER_STANDIN_TIMING: '0' };
const networks = {
  default: {
    bridge: 'thaw0',
    subnet: '10.88.0.0/24',
    subnet6: 'fd00:88::/64',
    mtu: 1400,
    dns: ['10.88.0.1', 'fd00:88::1'],
    hostAccess: ['tcp/7000'],
  },
  open: { bridge: 'thaw1', subnet: '10.89.0.0/24', subnet6: 'fd00:89::/64', isolate: false },
};

async function hostWithBase(
  t: Test,
  config: Readonly<Record<string, unknown>> = { networks },
): Promise<Host> {
  const host = await startHost(t, { config, env });
  await host.client.vm.boot({ name: 'source', config: machine });
  await host.client.snapshot.create({ vm: 'source', name: 'base' });
  await host.client.vm.stop({ vm: 'source' });
  return host;
}

type Nics = NonNullable<Parameters<Host['client']['snapshot']['restore']>[0]['nics']>;

const restoring = (host: Host, names: readonly string[], nics: Nics = [{}]) =>
  host.client.snapshot.restore({ snapshot: 'base', names: [...names], nics });

const restored = async (host: Host, names: readonly string[], nics?: Nics): Promise<VmView[]> =>
  clonesOf(await restoring(host, names, nics));

async function stopAll(host: Host): Promise<void> {
  for (const vm of (await host.client.vm.list()).vms) await host.client.vm.stop({ vm: vm.id });
}

const sixOf = (vm: VmView): string => vm.attachments[0]?.addresses[1]?.split('/')[0] ?? '';

async function failureOf(call: Promise<unknown>): Promise<ThawError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof ThawError) return error;
    throw error;
  }
  throw new Error('it succeeded');
}

t.test('IPv6 beside IPv4: each clone has its own, and reaches what its network lets it reach', async (t) => {
  const host = await hostWithBase(t);
  const beyond = await Outside.open(host);
  const [one, two] = await restored(host, ['one', 'two']);
  const [three, four] = await restored(host, ['three', 'four'], [{ network: 'open' }]);
  if (!one || !two || !three || !four) throw new Error('no clones');
  t.match(one.attachments[0], {
    addresses: [/^10\.88\.0\.\d+\/24$/, /^fd00:88::[0-9a-f]+\/64$/],
    gateway: '10.88.0.1',
    gateway6: 'fd00:88::1',
    mtu: 1400,
  });
  t.match(await inGuest(host, one, 'ip', 'link', 'show', 'eth0'), 'mtu 1400');
  t.ok(await host.ping(sixOf(one)), 'the host reaches the guest');
  t.ok(await pingFrom(host, one, 'fd00:88::1'), 'the guest its gateway');
  t.ok(await pingFrom(host, one, outside.four), 'and the world, by NAT');
  t.ok(await pingFrom(host, one, outside.six), 'of either family');
  t.ok(await pingFrom(host, three, sixOf(four)), 'VMs reach each other where the network lets them');
  t.ok(await pingFrom(host, three, addressOf(four)));
  t.notOk(await pingFrom(host, one, sixOf(two)), 'not where it does not');
  t.notOk(await pingFrom(host, one, sixOf(three)), 'and not from one network into another');
  t.notOk(await pingFrom(host, one, addressOf(two)));
  t.strictSame((await host.client.network.check({ ping: true })).findings, []);

  // The neighbour is believed only about itself.
  await inGuest(host, three, 'ip', '-6', 'addr', 'add', 'fd00:89::77/64', 'dev', 'eth0', 'nodad');
  const before = await dropped(host, 'spoofed_ip6');
  t.notOk(
    await inGuest(host, three, 'ping', '-c1', '-W1', '-I', 'fd00:89::77', 'fd00:89::1').catch(() => null),
    'another address gets no answer',
  );
  t.ok((await dropped(host, 'spoofed_ip6')) > before, 'and is counted');
  await inGuest(host, three, 'ip', '-6', 'addr', 'add', `${sixOf(four)}/128`, 'dev', 'eth0', 'nodad');
  t.ok(await host.ping(sixOf(four)), 'whoever takes another’s address does not get its traffic');

  await host.exec('ip', '-6', 'addr', 'del', 'fd00:88::1/64', 'dev', 'thaw0');
  const { findings } = await host.client.network.check();
  t.match(
    findings,
    [{ what: 'bridge thaw0', problem: /IPv6 address fd00:88::1/ }],
    'a lost address is named',
  );
  await host.restart();
  t.strictSame((await host.client.network.check()).findings, [], 'and made again');
  t.ok(await host.ping(sixOf(one)));
  await stopAll(host);
  await beyond.close();
  t.strictSame(await host.leftovers(), []);
});

t.test(
  'what a guest must not send is dropped and counted, and it sees nothing of the host but what is open',
  async (t) => {
    const host = await hostWithBase(t);
    const [vm] = await restored(host, ['web']);
    const nic = vm?.attachments[0];
    if (!vm || !nic) throw new Error('no clone');
    const self = { mac: nic.mac, address: addressOf(vm) };
    const other = { mac: '02:00:00:00:00:99', address: '10.88.0.99' };
    const all = '255.255.255.255';
    const to = { address: '10.88.0.1', port: 9 };
    const frames: [string, Buffer][] = [
      ['spoofed_mac', udp({ ...self, mac: other.mac }, to)],
      ['spoofed_ip', udp({ ...self, address: other.address }, to)],
      ['spoofed_arp', arp({ ...self, address: '10.88.0.1' }, other.address, { answer: true })],
      ['router_advert', icmp6(self.mac, 134)],
      ['router_advert', icmp6(self.mac, 137)],
      ['spoofed_neighbour', icmp6(self.mac, 136)],
      ['dhcp_server', udp(self, { address: all, from: 67, port: 68 })],
    ];
    const sender = join(import.meta.dirname, '../support/send.program.js');
    for (const [comment, frame] of frames) {
      const before = await dropped(host, comment);
      await inGuest(host, vm, process.execPath, sender, 'eth0', frame.toString('hex'));
      t.equal(await dropped(host, comment), before + 1, comment);
    }
    const services = [
      await serve(host, null, { port: 7000, words: 'open' }),
      await serve(host, null, { port: 7001, words: 'closed' }),
    ];
    t.match(await inGuest(host, vm, ...asking(7000, '10.88.0.1')), `open ${self.address}`);
    t.match(await inGuest(host, vm, ...asking(7001, '10.88.0.1')), /^error/);
    t.ok((await dropped(host, 'to_host')) > 0);
    for (const end of services) await end();
    await stopAll(host);
    t.strictSame(await host.leftovers(), []);
  },
);

t.test('ports of the host lead to the guest that has them, until it goes', async (t) => {
  const host = await hostWithBase(t);
  const beyond = await Outside.open(host);
  const ports = [
    { host: 8080, guest: 80 },
    { host: 5353, guest: 80, protocol: 'udp' as const },
    { host: 9090, guest: 80, address: hostOutside.four },
  ];
  const [web] = await restored(host, ['web'], [{ ports }]);
  if (!web) throw new Error('no clone');
  t.match(web.attachments[0]?.ports, [{ protocol: 'tcp', host: 8080, guest: 80 }, { protocol: 'udp' }, {}]);
  const end = await serve(host, web, { port: 80, words: 'web' });
  const works = async (when: string): Promise<void> => {
    const asked = asking(8080, hostOutside.four);
    t.match(await beyond.exec(...asked), `web ${outside.four}`, `from outside, ${when}`);
    t.match(await host.exec(...asked), `web ${hostOutside.four}`, `from the host itself, ${when}`);
    t.match(await beyond.exec(...asking(9090, hostOutside.four)), 'web', `by one address, ${when}`);
    t.match(await beyond.exec(...asking(5353, hostOutside.four, 'udp')), 'web', `by UDP, ${when}`);
  };
  await works('at once');
  t.match(await host.exec(...asking(9090, '10.88.0.1')), /^error/, 'a port of one address is of no other');

  const taken = await restoring(host, ['late'], [{ ports: [{ host: 9090, guest: 1 }] }]);
  t.match(taken.clones, [
    {
      ok: false,
      error: { code: 3130, message: new RegExp(`9090.*${web.id}/eth0`), data: { reason: 'port-taken' } },
    },
  ]);
  const twice = await restoring(host, ['late'], [{ ports: [ports[2]!, ports[2]!] }]);
  t.strictSame(reasonsOf(twice), ['port-taken'], 'nor twice by one');

  await host.kill('SIGKILL');
  await host.start();
  await works('with the next daemon');
  t.strictSame((await host.client.network.check()).findings, []);
  t.strictSame(reasonsOf(await restoring(host, ['late'], [{ ports: [ports[0]!] }])), ['port-taken']);

  await host.exec('nft', 'flush', 'map', 'inet', 'thaw', 'ports');
  t.match((await host.client.network.check()).findings, [
    { vm: 'web', what: /tcp\/8080/, problem: /lead nowhere/ },
  ]);
  await host.restart();
  await works('after a restart has mended it');

  await end();
  await host.client.vm.stop({ vm: 'web' });
  t.match(await beyond.exec(...asking(8080, hostOutside.four)), /^error/, 'gone with the VM');
  const [next] = await restored(host, ['next'], [{ ports }]);
  t.equal(next?.word, 'ready', 'and free for the next');
  await stopAll(host);

  const stopService = await serve(host, null, { port: 8080, words: 'mine' });
  const refused = await restoring(host, ['late'], [{ ports: [ports[0]!] }]);
  t.match(refused.clones, [{ ok: false, error: { message: /program/, data: { reason: 'port-taken' } } }]);
  t.match(
    await beyond.exec(...asking(8080, hostOutside.four)),
    'mine',
    'a service of the host keeps its port',
  );
  await stopService();

  await host.client.vm.boot({ name: 'late', config: machine });
  const { attachment } = await host.client.network.attach({ vm: 'late', nic: { ports: [ports[0]!] } });
  t.match(attachment, { ports: [{ host: 8080 }], state: { is: 'confirmed' } });
  await host.client.network.detach({ vm: 'late', attachment: 'eth0' });
  t.match((await host.exec('nft', 'list', 'map', 'inet', 'thaw', 'ports')).includes('8080'), false);
  await stopAll(host);
  await beyond.close();
  t.strictSame(await host.leftovers(), []);
});

t.test(
  'gc: what carries our mark and is nobody’s goes, nothing else does, as often as it is asked',
  async (t) => {
    const host = await hostWithBase(t);
    const [vm] = await restored(host, ['web'], [{ ports: [{ host: 8080, guest: 80 }] }]);
    if (!vm) throw new Error('no clone');
    t.strictSame(
      await host.client.network.gc(),
      { removed: [], dryRun: false },
      'nothing is a VM’s and a stray',
    );
    const stray = 'vm-stray00000';
    await host.exec(
      'sh',
      '-ec',
      `ip tuntap add thstray000000 mode tap; ip link set thstray000000 alias thaw:${stray}
     nft add element bridge thaw open '{ "thstray000000" comment "thaw:${stray}" }'
     nft add element inet thaw ports '{ tcp . 1234 comment "thaw:${stray}" : 10.88.0.99 . 1 }'
     ip link add thlookalike00 type bridge; ip link set thlookalike00 alias thaw:vm-stray
     ip link add other0 type bridge; ip link set other0 alias "thaw:${stray} "
     nft add element inet thaw ports '{ tcp . 1235 comment "mine" : 10.88.0.98 . 1 }'`,
    );
    const found = ['tap thstray000000', `rules of ${stray}`, `ports of ${stray}`];
    t.strictSame(await host.client.network.gc({ dryRun: true }), { removed: found, dryRun: true });
    t.strictSame(
      await host.client.network.gc({ dryRun: true }),
      { removed: found, dryRun: true },
      'told, not done',
    );
    t.strictSame((await host.client.network.gc()).removed, found);
    t.strictSame((await host.client.network.gc()).removed, [], 'the second time there is nothing');
    await host.exec('ip', 'link', 'show', 'thlookalike00');
    await host.exec('ip', 'link', 'show', 'other0');
    t.match(await host.exec('nft', 'list', 'map', 'inet', 'thaw', 'ports'), /8080[^]*1235|1235[^]*8080/);
    t.strictSame((await host.client.network.check()).findings, [], 'the VM lacks nothing');
    t.ok(await host.ping(addressOf(vm)));
    await stopAll(host);
  },
);

t.test('addresses that can’t be had are refused with the reason, and nothing is left of it', async (t) => {
  const host = await hostWithBase(t);
  const [first] = await restored(host, ['first'], [{ address: '10.88.0.10' }]);
  t.match(
    first?.attachments[0]?.addresses,
    ['10.88.0.10/24', 'fd00:88::a/64'],
    'a static address, of both families',
  );
  for (const [address, reason] of [
    ['10.99.0.1', 'address-outside-subnet'],
    ['10.88.0.1', 'address-outside-subnet'],
    ['10.88.0.255', 'address-outside-subnet'],
    ['fd00:88::5', 'address-outside-subnet'],
    ['10.88.0.10', 'address-taken'],
  ] as const)
    t.strictSame(
      reasonsOf(await restoring(host, ['late'], [{ address }])),
      [reason],
      `${address}: ${reason}`,
    );
  await host.client.vm.boot({ name: 'late', config: machine });
  const attach = (nic: Parameters<Host['client']['network']['attach']>[0]['nic']) =>
    failureOf(host.client.network.attach({ vm: 'late', nic }));
  t.match(await attach({ address: '10.88.0.10' }), {
    reason: 'address-taken',
    message: /10\.88\.0\.10.*eth0/,
  });
  t.match(await attach({ network: 'nowhere' }), { reason: 'network-unknown', message: /default, open/ });
  t.match(await attach({ ports: [{ host: 1, guest: 1, address: '127.0.0.1' }] }), { message: /loopback/ });
  await host.kill('SIGKILL');
  await host.start();
  t.strictSame(
    reasonsOf(await restoring(host, ['again'], [{ address: '10.88.0.10' }])),
    ['address-taken'],
    'nor does the next daemon give it away',
  );
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});
