/** Hot-plug, pauses and snapshots as the guest sees them: facts 2 to 5, 8, 18, 19 and 20 of facts/firecracker-measured.md. */
import net from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { Agent, eventually, folder, host, ownNetwork, sleep, Vm } from './lab.js';

ownNetwork();
const fast = { FIRECRACKER_STANDIN_TIMING: '{"create":5,"connect":400}' };
const bus = '/sys/bus/pci/devices';

async function snapshotOf(
  t: Parameters<typeof folder>[0],
  more: [string, unknown][] = [],
  env: Record<string, string> = fast,
): Promise<string> {
  const store = folder(t);
  const source = await Vm.start(t, folder(t), { env });
  await source.boot(more);
  await (await source.agent()).close();
  await source.snapshot(store);
  await source.kill();
  return store;
}

const nic = (id: string, tap: string, mac: string): [string, unknown] => [
  `/network-interfaces/${id}`,
  { iface_id: id, host_dev_name: tap, guest_mac: mac },
];

async function clone(
  t: Parameters<typeof folder>[0],
  store: string,
  env: Record<string, string> = fast,
): Promise<Vm> {
  const vm = await Vm.start(t, folder(t), { env });
  await vm.load(store);
  return vm;
}

t.test('NICs attached while paused come up with one rescan, a third with another', async (t) => {
  host(
    'for n in 0 1 2; do ip tuntap add hot$n mode tap && ip link set hot$n up; done; ip addr add 10.5.0.1/24 dev hot0',
  );
  const vm = await clone(t, await snapshotOf(t));
  await vm.ok('PUT', ...nic('eth0', 'hot0', '06:00:00:00:01:00'));
  await vm.ok('PUT', ...nic('eth1', 'hot1', '06:00:00:00:01:01'));
  await vm.ok('PATCH', '/vm', { state: 'Resumed' });
  const agent = await vm.agent();
  await sleep(50);
  t.equal((await agent.sh('ls /sys/class/net')).out, 'lo', 'nothing before the rescan');
  await agent.sh('echo 1 > /sys/bus/pci/rescan');
  const names = await eventually(async () => {
    const { out } = await agent.sh('ls /sys/class/net');
    return out.includes('eth1') ? out : undefined;
  }, 'the NICs');
  t.equal(names, 'eth0\neth1\nlo');
  t.equal(
    (
      await agent.sh(
        `ls ${bus}; ls ${bus}/0000:00:02.0/virtio1/net; cat ${bus}/0000:00:03.0/virtio2/net/*/address`,
      )
    ).out,
    '0000:00:00.0\n0000:00:01.0\n0000:00:02.0\n0000:00:03.0\neth0\n06:00:00:00:01:01',
  );
  t.equal(
    (
      await agent.sh(
        'ip addr add 10.5.0.2/24 dev eth0; ip link set eth0 up; ping -c 1 -W 2 10.5.0.1 > /dev/null',
      )
    ).code,
    0,
  );
  t.match(host('ping -c 1 -W 2 10.5.0.2'), '1 received');

  await vm.ok('PUT', ...nic('eth2', 'hot2', '06:00:00:00:01:02'));
  await agent.sh('echo 1 > /sys/bus/pci/rescan; sleep 0.1');
  t.equal((await agent.sh('cat /sys/class/net/eth2/address')).out, '06:00:00:00:01:02');

  const { pid } = (await agent.do('guest-exec', { path: 'sleep', arg: ['100'] })) as { pid: number };
  await vm.ok('PATCH', '/vm', { state: 'Paused' });
  t.throws(() => host('ping -c 1 -W 1 10.5.0.2'), 'a paused guest is deaf');
  await vm.ok('PATCH', '/vm', { state: 'Resumed' });
  t.match(host('ping -c 1 -W 2 10.5.0.2'), '1 received');
  t.same(
    await agent.do('guest-exec-status', { pid }),
    { exited: false },
    'its processes go on, as does an open connection',
  );
});

t.test('after an unplug the next NIC is dead', async (t) => {
  host('for n in 0 1; do ip tuntap add dead$n mode tap; done');
  const vm = await clone(t, await snapshotOf(t));
  await vm.ok('PATCH', '/vm', { state: 'Resumed' });
  await vm.ok('PUT', ...nic('eth0', 'dead0', '06:00:00:00:02:00'));
  const agent = await vm.agent();
  await agent.sh(`echo 1 > /sys/bus/pci/rescan; sleep 0.1; echo 1 > ${bus}/0000:00:02.0/remove; sleep 0.05`);
  t.equal((await agent.sh('ls /sys/class/net')).out, 'lo', 'removed in the guest');
  await agent.sh('echo 1 > /sys/bus/pci/rescan; sleep 0.1');
  t.match((await agent.sh('ls /sys/class/net')).out, 'eth0', 'found again, for the machine still has it');
  await agent.sh(`echo 1 > ${bus}/0000:00:02.0/remove; sleep 0.05`);
  await vm.ok('DELETE', '/network-interfaces/eth0');
  await vm.ok('PUT', ...nic('eth0', 'dead1', '06:00:00:00:02:00'));
  await agent.sh('echo 1 > /sys/bus/pci/rescan; sleep 0.1');
  t.equal(
    (await agent.sh(`ls /sys/class/net; ls ${bus}/0000:00:02.0 | grep -c -E "driver|virtio"`)).out,
    'lo\n0',
    'on the bus, without a driver',
  );
});

t.test('a snapshot whose NIC was unplugged is spoiled as well', async (t) => {
  host('ip tuntap add spoil0 mode tap');
  const store = folder(t);
  const source = await Vm.start(t, folder(t), { env: fast });
  await source.boot([nic('eth0', 'spoil0', '06:00:00:00:03:00')]);
  const agent = await source.agent();
  t.equal(
    (await agent.sh('cat /sys/class/net/eth0/address')).out,
    '06:00:00:00:03:00',
    'there from the start',
  );
  await agent.sh(`echo 1 > ${bus}/0000:00:01.0/remove; sleep 0.05`);
  await agent.close();
  await source.ok('PATCH', '/vm', { state: 'Paused' });
  await source.ok('DELETE', '/network-interfaces/eth0');
  await source.snapshot(store);
  await source.kill();
  const vm = await clone(t, store);
  await vm.ok('PUT', ...nic('eth0', 'spoil0', '06:00:00:00:03:01'));
  await vm.ok('PATCH', '/vm', { state: 'Resumed' });
  const inside = await vm.agent();
  await inside.sh('echo 1 > /sys/bus/pci/rescan; sleep 0.1');
  t.equal((await inside.sh('ls /sys/class/net')).out, 'lo');
});

t.test('unplugging what the guest still has makes it hang at its next rescan', async (t) => {
  host('ip tuntap add hang0 mode tap');
  const vm = await clone(t, await snapshotOf(t));
  await vm.ok('PATCH', '/vm', { state: 'Resumed' });
  await vm.ok('PUT', ...nic('eth0', 'hang0', '06:00:00:00:04:00'));
  const agent = await vm.agent();
  await agent.sh('echo 1 > /sys/bus/pci/rescan; sleep 0.1');
  await vm.ok('DELETE', '/network-interfaces/eth0');
  t.ok(await agent.ask('guest-ping'), 'not yet');
  await agent.ask('guest-exec', { path: '/bin/sh', arg: ['-c', 'echo 1 > /sys/bus/pci/rescan'] });
  await sleep(100);
  t.notOk(await agent.ask('guest-ping', {}, 300), 'silent');
  t.notOk(await Agent.connect(join(vm.folder, 'v.sock'), 300), 'and for good');
  t.equal((await vm.api('GET', '/')).status, 200, 'the VMM is well');
});

t.test('a snapshot with an open agent connection has a silent agent', async (t) => {
  const store = folder(t);
  const source = await Vm.start(t, folder(t), { env: fast });
  await source.boot();
  const open = await source.agent();
  await source.snapshot(store);
  t.notOk(await open.ask('guest-ping', {}, 200), 'the connection itself is dead');
  await source.kill();
  const vm = await clone(t, store);
  await vm.ok('PATCH', '/vm', { state: 'Resumed' });
  const agent = await Agent.connect(join(vm.folder, 'v.sock'), 1000);
  t.ok(agent, 'accepted');
  t.notOk(await agent?.ask('guest-ping', {}, 300), 'and never answered');
});

t.test('the agent serves one client after the other', async (t) => {
  const vm = await Vm.start(t, folder(t), { env: fast });
  await vm.boot();
  const first = await vm.agent();
  const second = await Agent.connect(join(vm.folder, 'v.sock'), 500);
  if (!second) throw new Error('not accepted');
  second.socket.write('{"execute":"guest-sync","arguments":{"id":5}}\n');
  t.notOk(await second.line(200), 'waits');
  t.same(await first.do('guest-sync', { id: 4 }), 4);
  first.socket.destroy();
  t.equal(await second.line(1000), '{"return": 5}');
});

t.test('connections to a guest that boots, is paused, or has nobody at the port', async (t) => {
  const slow = { FIRECRACKER_STANDIN_TIMING: '{"create":5,"connect":400,"boot":1000}' };
  const source = await Vm.start(t, folder(t), { env: slow });
  await source.boot();
  const start = Date.now();
  t.notOk(await Agent.connect(join(source.folder, 'v.sock'), 5000), 'no OK while it boots');
  t.ok(Date.now() - start >= 350, 'closed only after the deadline');
  await source.agent();

  const vm = await clone(t, await snapshotOf(t));
  const waiting = Agent.connect(join(vm.folder, 'v.sock'), 5000);
  await sleep(100);
  await vm.ok('PATCH', '/vm', { state: 'Resumed' });
  const agent = await waiting;
  t.ok(agent, 'connected before the resume, answered after it');
  t.same(await agent?.do('guest-ping'), {});
  const asked = Date.now();
  t.notOk(await Agent.connect(join(vm.folder, 'v.sock'), 3000, 99), 'nobody listens');
  t.ok(Date.now() - asked < 300, 'closed at once');
  t.notOk(await garbage(join(vm.folder, 'v.sock')), 'no handshake, no connection');
});

for (const [version, survives] of [
  ['1.16.1', false],
  ['1.17-dev', true],
] as const) {
  t.test(
    `${version}: after a bare pause and resume new connections ${survives ? 'work' : 'hang'}`,
    async (t) => {
      const env = { ...fast, FIRECRACKER_STANDIN_VERSION: version };
      const vm = await Vm.start(t, folder(t), { env });
      await vm.boot();
      const kept = await vm.agent();
      await vm.ok('PATCH', '/vm', { state: 'Paused' });
      await vm.ok('PATCH', '/vm', { state: 'Resumed' });
      t.same(await kept.do('guest-ping'), {}, 'an old one lives');
      await kept.close();
      const socket = net.connect(join(vm.folder, 'v.sock'));
      t.teardown(() => socket.destroy());
      socket.write('CONNECT 1024\n');
      const answer = await new Promise((resolve) => {
        socket.once('data', (bytes) => resolve(bytes.toString().slice(0, 2)));
        socket.once('close', () => resolve('closed'));
        setTimeout(() => resolve('nothing'), 700);
      });
      t.equal(answer, survives ? 'OK' : 'nothing');
      socket.destroy();
      const store = folder(t);
      await vm.snapshot(store);
      await vm.ok('PATCH', '/vm', { state: 'Resumed' });
      t.ok(await vm.agent(), 'with a snapshot between them it works');
    },
  );
}

t.test('a missing tap is made, down, at attach and at load', async (t) => {
  const vm = await clone(t, await snapshotOf(t));
  await vm.ok('PUT', ...nic('eth0', 'silent0', '06:00:00:00:05:00'));
  t.match(host('ip -o link show silent0'), 'state DOWN');
  await vm.kill();
  t.notMatch(host('ip -o link'), 'silent0', 'and goes with its VMM');
});

t.test('older versions refuse what they do not know', async (t) => {
  const store = await snapshotOf(t, [], { ...fast, FIRECRACKER_STANDIN_VERSION: '1.12.0' }).catch(
    () => undefined,
  );
  t.notOk(store, '1.12 has no --enable-pci');
  const env = { ...fast, FIRECRACKER_STANDIN_VERSION: '1.15.0' };
  const own = await snapshotOf(t, [], env);
  const vm = await clone(t, own, env);
  t.match((await vm.api('PUT', ...nic('eth0', 'late0', '06:00:00:00:06:00'))).answer, {
    fault_message: 'The requested operation is not supported after starting the microVM.',
  });
  const fresh = await Vm.start(t, folder(t), { env });
  t.match(
    (
      await fresh.api('PUT', '/snapshot/load', {
        snapshot_path: 'x',
        mem_file_path: 'y',
        vsock_override: { uds_path: 'z' },
      })
    ).answer,
    { fault_message: /unknown field `vsock_override`, expected one of .*`network_overrides` at/ },
  );
  t.match(
    (await fresh.api('PUT', '/network-interfaces/e', { iface_id: 'e', host_dev_name: 'x', mtu: 1400 }))
      .answer,
    { fault_message: /unknown field `mtu`/ },
  );
  const other = await Vm.start(t, folder(t), { env: fast });
  const { answer } = await other.api('PUT', '/snapshot/load', {
    snapshot_path: `${own}/state`,
    mem_file_path: `${own}/mem`,
  });
  t.match(answer, { fault_message: /bitcode error$/ }, 'formats do not mix');
  t.same(await other.exit, { code: 1, signal: null });
});

function garbage(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.on('data', () => resolve(true));
    socket.on('close', () => resolve(false));
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\n\r\n');
  });
}
