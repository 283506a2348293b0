import { join } from 'node:path';
import t from 'tap';
import { Agent } from '../firecracker/lab.js';
import { nicsInVmm } from './network.js';
import {
  again,
  eventually,
  failureOf,
  hostWithBase,
  machine,
  only,
  stopAll,
  type Vm,
} from '../support/flow.js';

const net = (number: number) => ({ bridge: `thaw${number}`, subnet: `10.9${number}.0.0/16`, dns: [] });
const { host, vmms } = await hostWithBase(t, {
  config: { networks: { default: net(0), second: net(1), third: net(2) } },
});
const restore = async (name: string, more: object = {}) =>
  only((await host.client.snapshot.restore({ snapshot: 'base', names: [name], ...more })).clones);
const look = async (ref: string) => (await host.client.vm.get({ vm: ref })).vm;
const addressOf = (one: Vm, index = 0) => one.attachments[index]?.addresses[0]?.split('/')[0] ?? '';

t.test(
  'a clone with four NICs, two of them on one network, one at an address and with a MAC that were asked for, answers on each',
  async (t) => {
    const mac = '02:00:00:00:00:42';
    const nics = [{}, { network: 'second', address: '10.91.7.7', mac }, { network: 'third' }, {}];
    const clone = await restore('many', { nics, ping: true });
    t.match(clone.attachments, [
      { id: 'eth0', state: { is: 'confirmed', by: 'agent' }, guestInterface: /^eth/ },
      { id: 'eth1', mac, addresses: ['10.91.7.7/16'], state: { is: 'confirmed' } },
      { id: 'eth2', state: { is: 'confirmed' } },
      { id: 'eth3', network: 'default', state: { is: 'confirmed' } },
    ]);
    for (const index of [0, 1, 2, 3]) t.ok(await host.ping(addressOf(clone, index)), `eth${index}`);
    t.strictSame((await host.client.network.check({})).findings, []);
    await stopAll(host);
    t.strictSame(await host.leftovers(), []);
  },
);

t.test('an address or a MAC that somebody has is refused, and so is one outside of the subnet', async (t) => {
  const first = await restore('first', { nics: [{ address: '10.90.9.9', mac: '02:00:00:00:00:09' }] });
  const refused = async (nic: object) => {
    const { clones } = await host.client.snapshot.restore({ snapshot: 'base', nics: [nic] });
    return clones[0]?.ok === false ? clones[0].error.data : clones;
  };
  t.match(await refused({ address: '10.90.9.9' }), { reason: 'address-taken', by: `${first.id}/eth0` });
  t.match(await refused({ mac: '02:00:00:00:00:09' }), { reason: 'mac-taken' });
  t.match(await refused({ address: '192.168.1.1' }), { reason: 'address-outside-subnet' });
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test(
  'Firecracker is given the limits of a NIC: at boot, at a restore and when it is attached',
  async (t) => {
    const rx = { bandwidth: { size: 1_250_000, refill_time: 1000 } };
    const tx = { bandwidth: { size: 65_536, refill_time: 200 }, ops: { size: 500, refill_time: 1000 } };
    const given = { rx_rate_limiter: rx, tx_rate_limiter: tx };
    const nic = { rxRateLimiter: rx, txRateLimiter: tx };
    const clone = await restore('slow', { nics: [nic, {}] });
    await host.client.network.attach({ vm: 'slow', nic: { txRateLimiter: tx } });
    const [first, free, later] = await nicsInVmm(clone);
    t.match(first, { iface_id: 'eth0', ...given });
    t.match(free, { iface_id: 'eth1', rx_rate_limiter: null, tx_rate_limiter: null });
    t.match(later, { iface_id: 'eth2', rx_rate_limiter: null, tx_rate_limiter: tx });
    t.ok(await host.ping(addressOf(clone)));
    const { vm } = await host.client.vm.boot({ name: 'slow-source', config: machine(), networks: [nic] });
    t.match(await nicsInVmm(vm), [{ iface_id: 'eth0', ...given }]);
    await stopAll(host);
    t.strictSame(await host.leftovers(), []);
  },
);

t.test(
  'a NIC attached later works beside the first, and lives through a restart of the daemon',
  async (t) => {
    await restore('later');
    const { attachment } = await host.client.network.attach({ vm: 'later' });
    t.match(attachment, { id: 'eth1', state: { is: 'confirmed' } });
    const clone = await look('later');
    t.ok(await host.ping(addressOf(clone, 0)));
    t.ok(await host.ping(addressOf(clone, 1)));
    await host.restart();
    t.match((await look('later')).attachments, clone.attachments);
    t.strictSame((await host.client.network.check({ vm: 'later' })).findings, []);
    t.match(await host.client.network.attach({ vm: 'later' }), { attachment: { id: 'eth2' } });
    await stopAll(host);
    t.strictSame(await host.leftovers(), []);
  },
);

t.test(
  'after a detach the rest works on, what was held is free, and a further NIC is refused with the reason',
  async (t) => {
    await restore('less', { nics: [{}, { network: 'second' }] });
    const before = await look('less');
    await host.client.network.detach({ vm: 'less', attachment: 'eth1' });
    const after = await look('less');
    t.match(after, { word: 'ready', attachments: [{ id: 'eth0' }], warnings: [/unplugged/] });
    t.equal(after.attachments.length, 1);
    t.ok(await host.ping(addressOf(before, 0)));
    t.notOk(await host.ping(addressOf(before, 1)));
    t.equal((await host.client.network.list()).networks[0]?.leases, 1);
    t.strictSame((await host.client.network.check({ vm: 'less' })).findings, []);
    const dead = {
      code: 3107,
      detail: { reason: 'nic-after-unplug', retryable: false, remedy: /fresh clone/ },
    };
    t.match(await failureOf(host.client.network.attach({ vm: 'less' })), dead);
    await host.restart();
    t.match(
      await failureOf(host.client.network.attach({ vm: 'less' })),
      dead,
      'the next daemon knows it too',
    );
    t.match(await failureOf(host.client.network.detach({ vm: 'less', attachment: 'eth1' })), {
      code: 3108,
      reason: 'attachment-unknown',
    });
    await stopAll(host);
    t.strictSame(await host.leftovers(), []);
  },
);

t.test('strip: the snapshot has no NIC, its clones can’t get one, and both say why', async (t) => {
  await restore('stripped');
  const { snapshot: taken, warnings } = await host.client.snapshot.create({
    vm: 'stripped',
    name: 'bare',
    strip: true,
  });
  t.match(taken, { nics: [], everUnplugged: true, hotAttach: { is: 'no', reason: /unplugged/ } });
  t.match(warnings, [/eth0 was taken out/, /hot-attach/]);
  t.match((await look('stripped')).attachments, []);
  t.match(await failureOf(host.client.snapshot.restore({ snapshot: 'bare' })), {
    reason: 'nic-after-unplug',
  });
  const clone = only(
    (await host.client.snapshot.restore({ snapshot: 'bare', strategy: 'none', names: ['still'] })).clones,
  );
  t.match(clone, { word: 'ready', attachments: [] });
  t.match(await failureOf(host.client.network.attach({ vm: 'still' })), { reason: 'nic-after-unplug' });
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test(
  'a VM with a NIC is not snapshotted by mistake; with keepNics it is, and the manifest says so',
  async (t) => {
    await host.client.vm.boot({ name: 'wired', config: machine(), networks: ['default'] });
    t.ok(await host.ping(addressOf(await look('wired'))), 'it is up before anything is taken');
    t.match(await failureOf(host.client.snapshot.create({ vm: 'wired', name: 'inside' })), {
      code: 3004,
      detail: { reason: 'nic-present', nics: ['eth0'], remedy: /keepNics.*strip/ },
    });
    t.equal((await look('wired')).power.is, 'running');
    const { snapshot: taken } = await host.client.snapshot.create({
      vm: 'wired',
      name: 'inside',
      keepNics: true,
    });
    t.match(taken, { nics: [{ id: 'eth0' }], hotAttach: { is: 'no', reason: /carries a NIC/ } });
    t.match(await failureOf(host.client.snapshot.restore({ snapshot: 'inside', strategy: 'hot-attach' })), {
      code: 3006,
      reason: 'not-fit-for-strategy',
    });
    await stopAll(host);
    t.strictSame(await host.leftovers(), []);
  },
);

t.test(
  'a guest that does not let go keeps its NIC and its right to more; with force it is unplugged',
  async (t) => {
    vmms.fail({ at: 'agent.guest-exec', nth: 2, do: 'error', message: 'no' });
    await restore('clinging', { nics: [{}, {}] });
    t.match(await failureOf(host.client.network.detach({ vm: 'clinging', attachment: 'eth1' })), {
      reason: 'agent-refused',
    });
    t.match(await look('clinging'), { attachments: [{ id: 'eth0' }, { id: 'eth1' }], warnings: [] });
    t.match(await host.client.network.attach({ vm: 'clinging' }), {
      attachment: { state: { is: 'confirmed' } },
    });
    await host.client.network.detach({ vm: 'clinging', attachment: 'eth2', force: true });
    t.equal((await look('clinging')).attachments.length, 2);
    vmms.fail();
    await stopAll(host);
    t.strictSame(await host.leftovers(), []);
  },
);

t.test('an attach that fails before anything was plugged leaves the VM as it was', async (t) => {
  await restore('patient');
  await again(host, { at: 'tap.create', nth: 1, fail: 'ENOMEM' });
  t.match(await failureOf(host.client.network.attach({ vm: 'patient' })), { reason: 'system-call-failed' });
  t.match(await look('patient'), { word: 'ready', warnings: [], attachments: [{ id: 'eth0' }] });
  t.match(
    await host.client.network.attach({ vm: 'patient' }),
    { attachment: { id: 'eth1' } },
    'the next one works',
  );
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('an attach that is cancelled in the middle leaves the VM as it was', async (t) => {
  await again(host, { at: 'tap.create', nth: 2, delay: 20_000 });
  await restore('patient');
  const cancel = new AbortController();
  const attaching = host.client.network.attach({ vm: 'patient' }, { signal: cancel.signal });
  await eventually('the tap', async () =>
    (await look('patient')).operation?.step?.startsWith('tap') ? true : undefined,
  );
  cancel.abort();
  t.match(await failureOf(attaching), { reason: 'cancelled' });
  t.match(await look('patient'), {
    word: 'ready',
    operation: null,
    warnings: [],
    attachments: [{ id: 'eth0' }],
  });
  t.match(await host.client.network.attach({ vm: 'patient' }), { attachment: { id: 'eth1' } });
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('vm.stop in the middle of an attach leaves no record behind', async (t) => {
  await again(host, { at: 'tap.create', nth: 2, delay: 20_000 });
  await restore('stopped');
  const attaching = failureOf(host.client.network.attach({ vm: 'stopped' }));
  await eventually('the tap', async () =>
    (await look('stopped')).operation?.step?.startsWith('tap') ? true : undefined,
  );
  await host.client.vm.stop({ vm: 'stopped' });
  t.match(await attaching, { reason: 'cancelled', detail: { by: 'vm.stop' } });
  t.strictSame(await host.leftovers(), []);
  await again(host);
  t.strictSame((await host.client.vm.list()).vms, []);
});

t.test('a NIC that the guest never confirmed is taken out again, and nothing else is promised', async (t) => {
  vmms.fail({ at: 'agent.guest-exec', nth: 2, do: 'error', message: 'no' });
  await restore('unsure');
  t.match(await failureOf(host.client.network.attach({ vm: 'unsure' })), { reason: 'agent-refused' });
  const clone = await look('unsure');
  t.match(clone, { word: 'ready', attachments: [{ id: 'eth0' }], warnings: [/unplugged/] });
  t.equal((await host.client.network.list()).networks[0]?.leases, 1);
  t.ok(await host.ping(addressOf(clone)));
  vmms.fail();
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('a detach that fails after the unplug is finished all the same: there is no way back', async (t) => {
  await again(host, { at: 'tap.remove', nth: 1, fail: 'EBUSY' });
  await restore('twice', { nics: [{}, {}] });
  t.match(await failureOf(host.client.network.detach({ vm: 'twice', attachment: 'eth1' })), {
    reason: 'system-call-failed',
  });
  t.equal((await look('twice')).attachments.length, 1);
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test(
  'the guest knows its NICs by the names that thaw tells, and a later one does not take the default route',
  async (t) => {
    await restore('named', { nics: [{}] });
    await host.client.network.attach({ vm: 'named', nic: { network: 'second' } });
    const clone = await look('named');
    await host.kill('SIGTERM');
    const agent = await eventually('the agent', () => Agent.connect(join(clone.dir, 'v.sock'), 1_000));
    for (const { guestInterface, mac } of clone.attachments) {
      const { out } = await agent.sh(`cat /sys/class/net/${guestInterface ?? '?'}/address`);
      t.equal(out, mac);
    }
    const { out: route } = await agent.sh('ip route get 192.0.2.1');
    t.match(route, /dev eth0 src 10\.90\./);
    const { out } = await agent.sh('hostname; cat /etc/machine-id; cat /run/thaw/identity.json');
    t.match(out, /^named\n[0-9a-f]{32}\n\{.*"name": ?"named"/s);
    await agent.close();
    await host.start();
    await stopAll(host);
    t.strictSame(await host.leftovers(), []);
  },
);
