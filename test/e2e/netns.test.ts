import t from 'tap';
import { ThawError } from '../../client/index.js';
import { startHost, type Host } from '../support/host.js';
import { addressOf, clonesOf, inGuest, machine, pingFrom, sourceWithNics, type VmView } from './network.js';
import { held, holds, networks, restore } from './netns.js';

const pidOf = (vm: VmView): number => (vm.process.is === 'alive' ? (vm.process.pid ?? 0) : 0);

/** Makes the guest talk first, so that it remembers the MAC of its gateway, which its clones will never meet. */
async function talkative(host: Host): Promise<VmView> {
  const { source } = await sourceWithNics(host);
  await host.client.snapshot.delete({ snapshot: 'base' });
  await pingFrom(host, source, '10.88.0.1');
  await host.client.snapshot.create({ vm: 'source', name: 'base', keepNics: true });
  return source;
}

t.test('clones with the same MAC and address inside are reached at addresses of their own', async (t) => {
  const host = await startHost(t, { config: { networks, netns: { pool: 1 } } });
  const source = await talkative(host);
  const names = ['one', 'two', 'three'];
  const vms = clonesOf(await restore(host, { names, ping: true }));
  const outside = [source, ...vms].map((vm) => addressOf(vm));
  t.equal(new Set(outside).size, 4, 'source and clones have an address each');
  for (const vm of vms) {
    t.equal(vm.word, 'ready');
    t.match(vm.attachments, [
      { id: 'eth0', guestInterface: 'eth0', state: { is: 'confirmed', by: 'agent' } },
    ]);
    const inside = await inGuest(host, vm, 'ip', 'addr', 'show', 'dev', 'eth0');
    t.match(inside, source.attachments[0]?.mac ?? '-', 'the MAC of the source');
    t.match(inside, `inet ${addressOf(source)}/24`, 'and its address');
    t.ok(await host.ping(addressOf(vm)), 'the host reaches it');
    t.ok(await pingFrom(host, vm, '10.88.0.1'), 'it reaches the host');
    for (const other of vms.filter((one) => one !== vm))
      t.ok(await pingFrom(host, vm, addressOf(other)), `${vm.name} reaches ${other.name}`);
    t.ok(
      await pingFrom(host, source, addressOf(vm)),
      'whoever has the address that it has inside reaches it too',
    );
  }
  t.ok(await host.ping(addressOf(source)), 'nobody has taken the source’s place');
  t.strictSame(await host.client.network.check(), { findings: [], pings: [] });
  const { update } = await host.client.agent.update({ vm: 'one' });
  t.equal(update.parts['network']?.is, 'unchanged', 'told again, it has nothing to change');

  await host.client.vm.stop({ vm: 'one' });
  const [again] = clonesOf(await restore(host, { names: ['one'], ping: true }));
  t.equal(again?.word, 'ready', 'names can be used again');
  for (const vm of ['source', ...names]) await host.client.vm.stop({ vm });
  t.strictSame(await host.leftovers(), []);
  t.equal(await holds(host, 1), 1, 'of all namespaces only the one that is kept ready is left');
});

t.test('IPv6: one address inside, another outside for each clone', async (t) => {
  const six = {
    default: { ...networks.default, subnet6: 'fd00:88::/64' },
    back: { ...networks.back, subnet6: 'fd00:89::/64' },
  };
  const host = await startHost(t, { config: { networks: six } });
  const sixOf = (vm: VmView, nic = 0): string => vm.attachments[nic]?.addresses[1]?.split('/')[0] ?? '';
  const { source } = await sourceWithNics(host, { networks: ['default', 'back'] });
  await host.client.snapshot.delete({ snapshot: 'base' });
  await pingFrom(host, source, 'fd00:88::1');
  await host.client.snapshot.create({ vm: 'source', name: 'base', keepNics: true });
  const vms = clonesOf(await restore(host, { names: ['one', 'two'], ping: true }));
  const [one, two] = vms as [VmView, VmView];
  t.equal(new Set([source, ...vms].flatMap((vm) => [sixOf(vm), sixOf(vm, 1)])).size, 6);
  for (const vm of vms) {
    const inside = await inGuest(host, vm, 'ip', 'addr', 'show', 'dev', 'eth0');
    t.match(inside, `inet6 ${sixOf(source)}/64`, 'the guest has the address of the source');
    for (const nic of [0, 1]) t.ok(await host.ping(sixOf(vm, nic)), `the host reaches eth${nic}`);
    for (const gateway of ['fd00:88::1', 'fd00:89::1']) t.ok(await pingFrom(host, vm, gateway));
    const other = vm === one ? two : one;
    t.ok(await pingFrom(host, vm, sixOf(other)), 'one reaches the other');
    t.ok(await pingFrom(host, source, sixOf(vm)), 'as does whoever has the address that it has inside');
  }
  t.ok(await host.ping(sixOf(source)), 'nobody has taken the source’s place');
  await inGuest(host, one, 'ip', '-6', 'addr', 'add', 'fd00:88::99/128', 'dev', 'eth0', 'nodad');
  const from = (address: string) => ['ping', '-c', '1', '-W', '1', '-I', address, 'fd00:88::1'];
  await inGuest(host, one, ...from(sixOf(source)));
  await t.rejects(inGuest(host, one, ...from('fd00:88::99')), 'it sends from no address but its own');
  t.match(await host.exec('nft', 'list', 'chain', 'bridge', 'thaw', 'guest'), /packets [1-9].*"spoofed_ip6"/);
  // A guest that looks whether somebody has its address hears of nobody.
  await inGuest(host, one, 'sysctl', '-qw', 'net.ipv6.conf.eth0.accept_dad=1');
  await inGuest(host, one, 'ip', '-6', 'addr', 'replace', `${sixOf(source)}/64`, 'dev', 'eth0');
  t.notMatch(await inGuest(host, one, 'ip', '-6', 'addr', 'show', 'dev', 'eth0'), 'dadfailed');
  await host.restart('SIGKILL');
  t.strictSame((await host.client.network.check({ ping: true })).findings, []);

  for (const vm of ['source', 'one', 'two']) await host.client.vm.stop({ vm });
  const nics = [{ address: addressOf(source) }, {}];
  const [same] = clonesOf(await restore(host, { nics, ping: true }));
  const [peer] = clonesOf(await restore(host));
  if (!same || !peer) throw new Error('no clones');
  t.equal(sixOf(same), sixOf(source), 'a clone may have outside the very address that it has inside');
  for (let time = 0; time < 2; time += 1) {
    t.ok(await host.ping(sixOf(same)));
    t.ok(await pingFrom(host, same, 'fd00:88::1'));
    t.ok(await pingFrom(host, same, sixOf(peer)));
    t.ok(await pingFrom(host, peer, sixOf(same)));
    // Neighbours that are known already are asked otherwise than new ones.
    await host.exec('ip', '-6', 'neigh', 'change', sixOf(same), 'dev', 'thaw0', 'nud', 'probe');
  }
  await host.client.vm.stop({ vm: same.id });
  await host.client.vm.stop({ vm: peer.id });
  await host.client.snapshot.delete({ snapshot: 'base' });
  await sourceWithNics(host);
  const [elsewhere] = clonesOf(await restore(host, { nics: [{ network: 'back' }], ping: true }));
  t.match(sixOf(elsewhere as VmView), /^fd00:89::/, 'a network whose subnet the guest does not know');
  t.ok(await host.ping(sixOf(elsewhere as VmView)));
  t.ok(await pingFrom(host, elsewhere as VmView, 'fd00:88::1'), 'its old gateway is where any other is');
  for (const vm of ['source', elsewhere?.id ?? '']) await host.client.vm.stop({ vm });
  t.strictSame(await host.leftovers(), []);
});

t.test('a clone may have outside the very address that it has inside', async (t) => {
  const host = await startHost(t, { config: { networks } });
  const source = await talkative(host);
  await host.client.vm.stop({ vm: 'source' });
  const address = addressOf(source);
  const [same] = clonesOf(await restore(host, { nics: [{ address }] }));
  const [other] = clonesOf(await restore(host));
  if (!same || !other) throw new Error('no clones');
  t.equal(addressOf(same), address);
  for (const vm of [same, other]) {
    t.ok(await host.ping(addressOf(vm)));
    t.ok(await pingFrom(host, vm, '10.88.0.1'));
  }
  t.ok(await pingFrom(host, same, addressOf(other)));
});

t.test('two NICs, each in its own network', async (t) => {
  const host = await startHost(t, { config: { networks } });
  const { source } = await sourceWithNics(host, { networks: ['default', 'back'] });
  const [vm] = clonesOf(await restore(host, { ping: true }));
  if (!vm) throw new Error('no clone');
  t.strictSame(
    vm.attachments.map(({ network }) => network),
    ['default', 'back'],
  );
  for (const nic of [0, 1]) {
    t.not(addressOf(vm, nic), addressOf(source, nic));
    t.ok(await host.ping(addressOf(vm, nic)));
  }
  for (const gateway of ['10.88.0.1', '10.89.0.1']) t.ok(await pingFrom(host, vm, gateway));
  t.strictSame((await host.client.network.check()).findings, []);
});

t.test(
  'a clone in another network than its source, whose subnet and MTU its guest does not know',
  async (t) => {
    const host = await startHost(t, { config: { networks } });
    await sourceWithNics(host);
    const [vm] = clonesOf(await restore(host, { ping: true, nics: [{ network: 'back' }] }));
    if (!vm) throw new Error('no clone');
    t.match(addressOf(vm), /^10\.89\./);
    t.ok(await host.ping(addressOf(vm)));
    t.ok(await pingFrom(host, vm, '10.89.0.1'));
    t.match(await inGuest(host, vm, 'ip', 'link', 'show', 'eth0'), 'mtu 1400', 'it is told the smaller MTU');
  },
);

t.test('a clone that is a source itself', async (t) => {
  const host = await startHost(t, { config: { networks } });
  await sourceWithNics(host);
  const [first] = clonesOf(await restore(host));
  if (!first) throw new Error('no clone');
  const { snapshot } = await host.client.snapshot.create({ vm: first.id, name: 'second', keepNics: true });
  t.match(snapshot.nics, [
    { mac: first.attachments[0]?.mac === undefined ? '-' : /^/, addresses: ['10.88.0.2/24'] },
  ]);
  const vms = clonesOf(await restore(host, { snapshot: 'second', count: 2, ping: true }));
  for (const vm of [first, ...vms]) t.ok(await host.ping(addressOf(vm)));
});

t.test(
  'a clone gets another NIC, which is in its namespace as the first one, and has its own address',
  async (t) => {
    const host = await startHost(t, { config: { networks, netns: { pool: 0 } } });
    await sourceWithNics(host);
    const names = ['one', 'two'];
    const clones = clonesOf(await restore(host, { names }));
    const ports = [{ host: 8080, guest: 80 }];
    for (const vm of names)
      for (const nic of [{ network: 'back', ...(vm === 'one' && { ports }) }, { network: 'default' }])
        t.match(await host.client.network.attach({ vm, nic }), {
          attachment: { network: nic.network, state: { is: 'confirmed' } },
        });
    const look = async () =>
      (await Promise.all(names.map((vm) => host.client.vm.get({ vm })))).map(({ vm }) => vm) as [
        VmView,
        VmView,
      ];
    const [one, two] = await look();
    t.equal(new Set([one, two].flatMap((vm) => [0, 1, 2].map((nic) => addressOf(vm, nic)))).size, 6);
    const answered = async (vms: readonly VmView[]) => {
      for (const vm of vms)
        for (const nic of [0, 1, 2]) t.ok(await host.ping(addressOf(vm, nic)), `${vm.name} eth${nic}`);
      t.strictSame((await host.client.network.check({ ping: true })).findings, []);
    };
    await answered([one, two]);
    const inside = await inGuest(host, one, 'ip', 'addr', 'show', 'dev', 'eth1');
    t.match(
      inside,
      `inet ${addressOf(one, 1)}/24`,
      'no translation: the guest has the address that others see',
    );
    t.match(inside, /mtu 1400/);
    await inGuest(host, one, 'ip', 'addr', 'add', '10.89.0.99/24', 'dev', 'eth1');
    const from = (address: string) => ['ping', '-c', '1', '-W', '1', '-I', address, '10.89.0.1'];
    await inGuest(host, one, ...from(addressOf(one, 1)));
    await t.rejects(inGuest(host, one, ...from('10.89.0.99')), 'and may send from no other');
    t.match(await host.exec('nft', 'list', 'map', 'inet', 'thaw', 'ports'), `: ${addressOf(one, 1)} . 80 }`);

    await host.restart('SIGKILL');
    await answered(await look());
    const { snapshot } = await host.client.snapshot.create({ vm: 'two', name: 'second', keepNics: true });
    t.equal(snapshot.nics.length, 3);
    const again = clonesOf(await restore(host, { snapshot: 'second', count: 2, ping: true }));
    t.strictSame(
      again.map((vm) => vm.attachments.map(({ network }) => network)),
      Array(2).fill(['default', 'back', 'default']),
      'with all of them inside it can be cloned again',
    );
    await host.client.network.detach({ vm: 'one', attachment: 'eth2' });
    const pid = String(pidOf(clones[0] as VmView));
    const links = await host.exec('nsenter', '--target', pid, '--net', 'ip', '-brief', 'link');
    t.notMatch(links, /t[hp][0-9a-z]{10}2/, 'of a NIC that was taken away nothing is left in the namespace');
    t.match(links, /th[0-9a-z]{10}1/);
    t.ok(await host.ping(addressOf(one, 1)));
    for (const { id } of (await host.client.vm.list()).vms) await host.client.vm.stop({ vm: id });
    t.strictSame(await host.leftovers(), []);
    t.equal(await holds(host, 0), 0);
  },
);

t.test('clones live on without a daemon, and the next one finds them', async (t) => {
  const host = await startHost(t, { config: { networks, netns: { pool: 0 } } });
  await sourceWithNics(host);
  const vms = clonesOf(await restore(host, { names: ['one', 'two'] }));
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await host.kill(signal);
    for (const vm of vms) t.ok(await host.ping(addressOf(vm)), 'nobody is missed');
    await host.start();
    t.strictSame((await host.client.network.check()).findings, []);
    t.equal(await held(host), 2);
  }
  await host.signal(pidOf(vms[0] as VmView), 'SIGKILL');
  t.equal(await holds(host, 1), 1, 'a VMM’s end is the end of its namespace');
  await host.kill('SIGKILL');
  await host.signal(pidOf(vms[1] as VmView), 'SIGKILL');
  await host.start();
  t.equal(await held(host), 0, 'and so it is while nobody watches');
  await host.client.vm.stop({ vm: 'source' });
  t.strictSame(await host.leftovers(), []);
});

t.test('what only looks like ours stays', async (t) => {
  const host = await startHost(t, { config: { networks } });
  const { source } = await sourceWithNics(host);
  await host.exec(
    'sh',
    '-c',
    `
    ip link add thzzzzzzzzzz0 type veth peer name uplink0
    ip link set uplink0 alias thaw:
    ip link add ${source.attachments[0]?.tap ?? ''}x type veth peer name other`,
  );
  const [vm] = clonesOf(await restore(host, { ping: true }));
  await host.client.vm.stop({ vm: vm?.id ?? '' });
  await host.restart();
  const links = await host.exec('ip', '-brief', 'link');
  for (const name of ['thzzzzzzzzzz0', 'uplink0', `${source.attachments[0]?.tap ?? ''}x`])
    t.match(links, name);
});

t.test('Firecrackers that know neither overrides nor hot-plug', async (t) => {
  for (const version of ['1.7.0', '1.10.1']) {
    const host = await startHost(t, {
      config: { networks },
      env: { FIRECRACKER_STANDIN_VERSION: version },
    });
    await sourceWithNics(host);
    const restored = await restore(host, { strategy: 'auto', count: 2, ping: true });
    t.equal(restored.chosen, 'netns', version);
    for (const vm of clonesOf(restored)) t.ok(await host.ping(addressOf(vm)));
    const attach = host.client.network.attach({ vm: clonesOf(restored)[0]?.id ?? '' });
    await t.rejects(attach, { message: /a NIC for a running VM needs 1\.16/ });
  }
});

t.test('what it can’t do is refused with what to do instead', async (t) => {
  const host = await startHost(t, { config: { networks } });
  const refusal = (call: Promise<unknown>) =>
    call.then(
      () => 'none',
      (error: unknown) =>
        error instanceof ThawError ? `${error.reason}: ${error.detail.remedy}` : String(error),
    );
  await host.client.vm.boot({ name: 'bare', config: machine });
  await host.client.snapshot.create({ vm: 'bare', name: 'bare' });
  t.match(await refusal(restore(host, { snapshot: 'bare' })), /^not-fit-for-strategy: Use hot-attach/);
  await sourceWithNics(host);
  t.match(await refusal(restore(host, { nics: [{ id: 'eth7' }] })), /^nic-unknown/);
});
