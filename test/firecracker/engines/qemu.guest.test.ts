/** The engine qemu by itself: what its guest's kernel sees, and what a snapshot is. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { reseedProgram } from '../../../daemon/api/guest/reseed-program.js';
import { linuxBoot, onQemu } from '../../support/linux-guest.js';
import { Agent, eventually, folder, host, ownNetwork, sleep, Vm } from '../lab.js';

ownNetwork();
const env = onQemu;
const store = folder(t);
const source = await Vm.start(t, folder(t), { env });
const early = await bootSource();
const nics = 'ls /sys/class/net | tr "\\n" " "';

/** Boots the source; returns how a connection fared while it booted. */
async function bootSource(): Promise<Agent | undefined> {
  await source.ok('PUT', '/boot-source', linuxBoot());
  await source.ok('PUT', '/vsock', { guest_cid: 3, uds_path: 'v.sock' });
  await source.ok('PUT', '/actions', { action_type: 'InstanceStart' });
  return Agent.connect(join(source.folder, 'v.sock'), 200);
}

async function clone(t: Parameters<typeof folder>[0], name = ''): Promise<Vm> {
  const vm = await Vm.start(t, folder(t), { env });
  await vm.load(store, {}, name);
  return vm;
}

const nic = (id: string, tap: string, mac: string): [string, unknown] => [
  `/network-interfaces/${id}`,
  { iface_id: id, host_dev_name: tap, guest_mac: mac },
];

const sum = (name: string): string =>
  createHash('sha256')
    .update(fs.readFileSync(join(store, name)))
    .digest('hex');

t.test(
  'the agent answers once the guest has booted, one client at a time, and not on other ports',
  async (t) => {
    t.equal(early, undefined, 'nobody answers a guest that boots');
    const first = await source.agent();
    t.match((await first.sh('uname -sr')).out, /^Linux \d/);
    const second = await Agent.connect(join(source.folder, 'v.sock'), 1_000);
    t.ok(second, 'accepted');
    t.equal(await second?.ask('guest-ping', {}, 300), undefined, 'and not served');
    // Goes in the middle of an answer: the next one hears nothing of it.
    first.socket.write('{"execute":"guest-info"}\n{"execute":"gue');
    await first.close();
    t.strictSame(await second?.line(), '{"return": {}}', 'served when the first has gone');
    await second?.close();
    t.equal(await Agent.connect(join(source.folder, 'v.sock'), 300, 4711), undefined);
  },
);

t.test(
  'a snapshot: two files, of which the memory’s has the machine’s size and is never written again',
  async (t) => {
    // The kernel reseeds itself every few seconds so shortly after its boot: now, and then not for a while.
    const agent = await source.agent();
    const program = reseedProgram('x64')?.toString('base64') ?? '';
    const reseed = `echo ${program} | base64 -d > /tmp/reseed && chmod 700 /tmp/reseed && printf %0128d 0 | /tmp/reseed`;
    t.equal((await agent.sh(reseed)).code, 0);
    await agent.close();
    await source.snapshot(store);
    t.equal(fs.statSync(join(store, 'mem')).size, 128 << 20);
    t.ok(fs.statSync(join(store, 'mem')).blocks * 512 < 120 << 20, 'empty pages are holes');
    const before = sum('mem');
    const [one, two] = await Promise.all([clone(t), clone(t)]);
    for (const vm of [one, two]) await vm.ok('PATCH', '/vm', { state: 'Resumed' });
    const agents = await Promise.all([one.agent(), two.agent()]);
    await agents[0].sh('dd if=/dev/zero bs=1M count=16 2>/dev/null | tr "\\0" x > /tmp/mine');
    t.equal((await agents[1].sh('ls /tmp/mine 2>/dev/null')).out, '', 'nor is it shared');
    t.equal(sum('mem'), before);
  },
);

t.test(
  'clones draw the same random numbers until their kernel is reseeded: what randomness is for',
  async (t) => {
    const draw = 'head -c 16 /dev/urandom | od -An -tx1';
    const drawn = async (): Promise<string[]> => {
      const vms = await Promise.all([clone(t), clone(t)]);
      const numbers = await Promise.all(
        vms.map(async (vm) => {
          await vm.ok('PATCH', '/vm', { state: 'Resumed' });
          return (await (await vm.agent()).sh(draw)).out;
        }),
      );
      for (const vm of vms) await vm.kill();
      return numbers;
    };
    // A slow machine may take so long that the kernel has reseeded itself meanwhile.
    let alike = false;
    for (let tries = 0; tries < 10 && !alike; tries += 1) {
      const [one, two] = await drawn();
      alike = one !== undefined && one === two;
    }
    t.ok(alike);
  },
);

t.test(
  'a NIC is there when the guest rescans, not before; one that is unplugged is gone at once',
  async (t) => {
    host('for n in 0 1; do ip tuntap add q$n mode tap; done');
    const vm = await clone(t);
    await vm.ok('PUT', ...nic('eth0', 'q0', '06:00:00:00:01:00'));
    await vm.ok('PATCH', '/vm', { state: 'Resumed' });
    const agent = await vm.agent();
    await sleep(300);
    t.equal((await agent.sh(nics)).out, 'lo', 'nothing before the rescan');
    await vm.ok('PUT', ...nic('eth1', 'q1', '06:00:00:00:01:01'));
    await agent.sh('echo 1 > /sys/bus/pci/rescan');
    const found = await eventually(async () => {
      const { out } = await agent.sh('cat /sys/class/net/eth*/address');
      return out.includes('\n') ? out : undefined;
    }, 'both NICs');
    t.equal(found, '06:00:00:00:01:00\n06:00:00:00:01:01');
    await agent.sh('echo 1 > "$(readlink -f /sys/class/net/eth1/device/..)/remove"');
    await vm.ok('PATCH', '/vm', { state: 'Paused' });
    await vm.ok('DELETE', '/network-interfaces/eth1');
    await vm.ok('PATCH', '/vm', { state: 'Resumed' });
    t.equal(
      (await agent.sh(`echo 1 > /sys/bus/pci/rescan; ${nics}`)).out,
      'eth0 lo',
      'no rescan finds it again',
    );
    await vm.kill();
    host('ip link del q0; ip link del q1');
  },
);

t.test('a snapshot taken while a client is connected gives clones whose agent never answers', async (t) => {
  await source.ok('PATCH', '/vm', { state: 'Resumed' });
  const agent = await source.agent();
  await agent.do('guest-ping');
  await source.snapshot(store, '-stuck');
  const vm = await clone(t, '-stuck');
  await vm.ok('PATCH', '/vm', { state: 'Resumed' });
  const asked = await Agent.connect(join(vm.folder, 'v.sock'), 1_000);
  t.ok(asked, 'accepted');
  t.equal(await asked?.ask('guest-ping', {}, 500), undefined);
});

t.test('a snapshot of the other engine, and a damaged one, are refused, and the VMM ends', async (t) => {
  const other = await Vm.start(t, folder(t), { env: { FIRECRACKER_STANDIN_TIMING: '0' } });
  const load = (vm: Vm) =>
    vm.api('PUT', '/snapshot/load', {
      snapshot_path: join(store, 'state'),
      mem_backend: { backend_type: 'File', backend_path: join(store, 'mem') },
    });
  t.match(await load(other), {
    status: 400,
    answer: { fault_message: /engine qemu, and here is namespaces/ },
  });
  t.match(await other.exit, { code: 1 });
  const flipped = fs.readFileSync(join(store, 'state'));
  flipped.writeUInt8(flipped.readUInt8(5_000) ^ 1, 5_000);
  fs.writeFileSync(join(store, 'state'), flipped);
  const vm = await Vm.start(t, folder(t), { env });
  t.match(await load(vm), { status: 400, answer: { fault_message: /CRC64 validation failed/ } });
  t.match(await vm.exit, { code: 1 });
});

t.test('a guest that reboots ends its VMM with 0, and QEMU and VMM end together', async (t) => {
  const vm = await clone(t, '-stuck');
  const children = fs.readFileSync(`/proc/${vm.child.pid}/task/${vm.child.pid}/children`, 'utf8').trim();
  t.match(children, /^\d+$/);
  process.kill(Number(children), 'SIGKILL');
  t.match(await vm.exit, { code: 1 });
  t.match(vm.log, /The guest is dead: QEMU ended \(SIGKILL\)/);
  await source.ok('PATCH', '/vm', { state: 'Resumed' });
  const agent = await source.agent();
  agent.socket.write('{"execute":"guest-shutdown","arguments":{"mode":"reboot"}}\n');
  const sysrq = { path: '/bin/sh', arg: ['-c', 'echo b > /proc/sysrq-trigger'] };
  agent.socket.write(`${JSON.stringify({ execute: 'guest-exec', arguments: sysrq })}\n`);
  t.match(await source.exit, { code: 0 });
});
