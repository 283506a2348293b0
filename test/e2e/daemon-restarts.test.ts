import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { connect } from '../../client/index.js';
import { eventually, failureOf, hostWithBase, machine, only, stopAll, whyNot } from '../support/flow.js';

const { host, vmms } = await hostWithBase(t);
const addresses = (vm: { attachments: readonly { addresses: readonly string[] }[] }) =>
  vm.attachments.flatMap((one) => one.addresses.map((address) => address.split('/')[0] ?? ''));

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  t.test(
    `after ${signal} the VMs live on, and the next daemon has them with names, addresses and agents`,
    async (t) => {
      await host.client.vm.boot({ name: 'source', config: machine(), labels: { of: 'mine' } });
      const { clones } = await host.client.snapshot.restore({ snapshot: 'base', names: ['a', 'b'] });
      const before = (await host.client.vm.list()).vms;
      await host.kill(signal);
      const [a] = addresses(only(clones));
      t.ok(await host.ping(a ?? ''), 'its network works while no daemon is there');
      await host.start();
      const after = (await host.client.vm.list()).vms;
      const stable = (vms: typeof before) =>
        vms
          .map(({ id, name, word, readiness, attachments, labels, snapshot, process }) => ({
            ...{ id, name, word, is: readiness.is, attachments, labels, snapshot },
            pid: process.is === 'alive' ? [process.pid, process.startTime] : null,
          }))
          .sort((one, other) => one.name.localeCompare(other.name));
      t.strictSame(stable(after), stable(before));
      t.strictSame((await host.client.network.check({})).findings, []);
      for (const vm of ['source', 'a', 'b']) await host.client.agent.ping({ vm });
      t.match(whyNot((await host.client.snapshot.restore({ snapshot: 'base', names: ['a'] })).clones), {
        data: { reason: 'name-taken' },
      });
      const third = only((await host.client.snapshot.restore({ snapshot: 'base', names: ['c'] })).clones);
      t.notOk(
        addresses(third).some((address) => before.flatMap(addresses).includes(address)),
        'no lease is given twice',
      );
      t.match(await host.client.network.attach({ vm: 'c' }), { attachment: { id: 'eth1' } });
      await stopAll(host);
      t.strictSame(await host.leftovers(), []);
    },
  );
}

t.test('a VM that ended while no daemon was there is freed by the next', async (t) => {
  const clone = only((await host.client.snapshot.restore({ snapshot: 'base', names: ['a'] })).clones);
  await host.kill('SIGKILL');
  await host.signal(clone.process.is === 'alive' ? (clone.process.pid ?? 0) : 0, 'SIGKILL');
  await host.start();
  t.strictSame((await host.client.vm.list()).vms, []);
  t.equal((await host.client.network.list()).networks[0]?.leases, 0);
  t.strictSame(await host.leftovers(), []);
});

t.test('SIGTERM lets what is under way finish, and takes nothing new', async (t) => {
  vmms.say({ FIRECRACKER_STANDIN_TIMING: JSON.stringify({ boot: 0, load: 700 }) });
  const client = await connect({ socket: host.socketPath, reconnect: false });
  const restoring = client.snapshot.restore({ snapshot: 'base', names: ['a'] });
  await eventually('the restore', async () =>
    (await host.client.vm.list()).vms.length > 0 ? true : undefined,
  );
  const ended = host.kill('SIGTERM');
  t.match(only((await restoring).clones), { name: 'a', word: 'ready' });
  t.match(await ended, { code: 0 });
  await client.close();
  vmms.say({});
  await host.start();
  t.match((await host.client.vm.get({ vm: 'a' })).vm, { word: 'ready' });
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('SIGTERM undoes what does not finish in time', async (t) => {
  vmms.fail({ at: 'agent', nth: 0, do: 'silent' });
  const client = await connect({ socket: host.socketPath, reconnect: false });
  const restoring = client.snapshot.restore({ snapshot: 'base', names: ['a'], readyTimeout: 600_000 }).then(
    ({ clones }) => whyNot(clones).data.reason,
    (error: unknown) => error,
  );
  await eventually('the restore', async () => {
    const { vms } = await host.client.vm.list();
    return vms[0]?.operation?.step === 'update' ? true : undefined;
  });
  t.match(await host.kill('SIGTERM'), { code: 0 });
  t.strictSame(await host.leftovers(), [], 'before the daemon ends');
  t.ok(await restoring);
  await client.close();
  vmms.fail();
  await host.start();
  t.strictSame((await host.client.vm.list()).vms, []);
  t.match(await failureOf(host.client.vm.get({ vm: 'a' })), { reason: 'vm-unknown' });
  t.strictSame(await host.leftovers(), []);
});

t.test(
  'a SIGHUP that comes while it takes up what another left ends nothing, and is heeded then',
  async (t) => {
    await host.kill('SIGTERM');
    const trace = join(host.storeDir, 'trace');
    const faults = JSON.stringify([{ at: 'record.open', delay: 3_000 }]);
    const before = host.log.length;
    const starting = host.start({ THAW_FAULTS: faults, THAW_FAULTS_TRACE: trace });
    await eventually(
      'the start',
      async () => (await readFile(trace, 'utf8').catch(() => '')).includes('record.open hit') || undefined,
    );
    // There is no VM left: what runs is the daemon.
    const [daemon, ...others] = await host.box.inmates();
    if (!daemon || others.length > 0) throw new TypeError(JSON.stringify([daemon, others]));
    await host.signal(daemon.pid, 'SIGHUP');
    await starting;
    await eventually(
      'the reload',
      () => host.log.slice(before).some((line) => line.includes('configuration')) || undefined,
    );
    t.match(await host.client.system.health(), { status: 'ok' });
  },
);
