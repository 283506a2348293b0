import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import type { Host } from '../support/host.js';
import { failureOf, hostWithBase, machine, only, stopAll } from '../support/flow.js';

const { host } = await hostWithBase(t);

/** Starts a daemon that kills itself at an effect, has it do `fn`, and starts the next one. */
async function killedAt(
  fault: { at: string; when: 'before' | 'after'; nth?: number },
  fn: (host: Host) => Promise<unknown>,
) {
  await host.kill('SIGTERM');
  await host.start({ THAW_FAULTS: JSON.stringify([{ ...fault, kill: true }]) });
  const doing = fn(host).catch(() => undefined);
  const exit = await host.ended();
  await host.client.close();
  await doing;
  await host.start();
  return exit;
}
const killed = { signal: 'SIGKILL' };
const snapshotsOf = async (host: Host) => (await readdir(join(host.storeDir, 'snapshots'))).length;

const inRestore = [
  ['tap.create', 'after'],
  ['process.spawn', 'after'],
  ['vmm.load', 'after'],
  ['vmm.attach', 'after'],
  ['agent.update', 'after'],
] as const;
for (const [at, when] of inRestore) {
  t.test(`a daemon killed ${when} ${at} of a restore: the next leaves nothing of the clone`, async (t) => {
    t.match(
      await killedAt({ at, when }, ({ client }) =>
        client.snapshot.restore({ snapshot: 'base', names: ['half'] }),
      ),
      killed,
    );
    t.strictSame((await host.client.vm.list()).vms, []);
    t.equal((await host.client.network.list()).networks[0]?.leases, 0);
    t.strictSame(await host.leftovers(), []);
  });
}

t.test('a daemon killed in the middle of a boot: the next leaves nothing of the VM', async (t) => {
  const boot = ({ client }: Host) =>
    client.vm.boot({ name: 'half', config: machine(), networks: ['default'] });
  t.match(await killedAt({ at: 'vmm.start', when: 'after' }, boot), killed);
  t.strictSame((await host.client.vm.list()).vms, []);
  t.strictSame(await host.leftovers(), []);
});

for (const at of ['vmm.create', 'store.move'] as const) {
  t.test(
    `a daemon killed after ${at} of a snapshot: no draft, no half snapshot, and the source runs`,
    async (t) => {
      await host.client.vm.boot({ name: 'source', config: machine() });
      const before = await snapshotsOf(host);
      const snapshot = ({ client }: Host) => client.snapshot.create({ vm: 'source', name: 'half' });
      t.match(await killedAt({ at, when: 'after' }, snapshot), killed);
      t.match((await host.client.vm.get({ vm: 'source' })).vm, { power: { is: 'running' }, operation: null });
      t.equal(await snapshotsOf(host), before);
      t.equal((await host.client.snapshot.list()).snapshots.length, before, 'and none is told of');
      t.match(await failureOf(host.client.snapshot.get({ snapshot: 'half' })), {
        reason: 'snapshot-unknown',
      });
      await host.client.snapshot.create({ vm: 'source', name: 'half' });
      await stopAll(host);
      await host.client.snapshot.delete({ snapshot: 'half' });
      t.strictSame(await host.leftovers(), []);
    },
  );
}

t.test('a daemon killed in the middle of an attach: the next takes the NIC out again', async (t) => {
  only((await host.client.snapshot.restore({ snapshot: 'base', names: ['half'] })).clones);
  const attach = ({ client }: Host) => client.network.attach({ vm: 'half' });
  t.match(await killedAt({ at: 'vmm.attach', when: 'after' }, attach), killed);
  const { vm } = await host.client.vm.get({ vm: 'half' });
  t.match(vm, { word: 'ready', operation: null, warnings: [/unplugged/] });
  t.strictSame(
    vm.attachments.map(({ id }) => id),
    ['eth0'],
  );
  t.equal((await host.client.network.list()).networks[0]?.leases, 1);
  t.strictSame((await host.client.network.check({})).findings, []);
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('a daemon killed in the middle of a stop: the next finishes it', async (t) => {
  only((await host.client.snapshot.restore({ snapshot: 'base', names: ['half'] })).clones);
  t.match(
    await killedAt({ at: 'tap.remove', when: 'before' }, ({ client }) => client.vm.stop({ vm: 'half' })),
    killed,
  );
  t.strictSame((await host.client.vm.list()).vms, []);
  t.strictSame(await host.leftovers(), []);
});

t.test('a daemon killed in the middle of a detach: the NIC can still be taken away', async (t) => {
  const nics = [{}, {}];
  only((await host.client.snapshot.restore({ snapshot: 'base', names: ['half'], nics })).clones);
  const detach = ({ client }: Host) => client.network.detach({ vm: 'half', attachment: 'eth1' });
  t.match(await killedAt({ at: 'vmm.detach', when: 'after' }, detach), killed);
  await detach(host);
  const { vm } = await host.client.vm.get({ vm: 'half' });
  t.strictSame(
    vm.attachments.map(({ id }) => id),
    ['eth0'],
  );
  t.strictSame((await host.client.network.check({})).findings, []);
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});
