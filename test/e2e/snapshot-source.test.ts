import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import {
  again,
  eventually,
  failureOf,
  hostWithBase,
  machine,
  only,
  outcomes,
  stopAll,
} from '../support/flow.js';

const { host, vmms } = await hostWithBase(t);
const boot = (name: string) => host.client.vm.boot({ name, config: machine() });
const look = async (ref: string) => (await host.client.vm.get({ vm: ref })).vm;
const create = (name: string, more: object = {}) =>
  host.client.snapshot.create({ vm: 'source', name, ...more });
const names = async () => (await host.client.snapshot.list()).snapshots.map((one) => one.name);
const drafts = () => readdir(join(host.storeDir, 'drafts'));

t.test(
  'right after a call to its agent a VM can be snapshotted, and the clones’ agents answer',
  async (t) => {
    // A connection held open in the snapshot would silence them for good (fact 4), so the guest’s time is the real one.
    vmms.say({ FIRECRACKER_STANDIN_TIMING: '' });
    await boot('source');
    for (const round of ['one', 'two']) {
      await host.client.agent.ping({ vm: 'source' });
      await create(round);
      t.strictSame(outcomes((await host.client.snapshot.restore({ snapshot: round, count: 2 })).clones), [
        'ready',
        'ready',
      ]);
    }
    vmms.say({});
    await stopAll(host);
    t.strictSame(await host.leftovers(), []);
  },
);

t.test('a snapshot that fails leaves no draft, and says what became of the source', async (t) => {
  vmms.fail({ at: 'create', do: 'fail', message: 'No space left on device (os error 28)' });
  await boot('source');
  const error = await failureOf(create('failed'));
  // It was paused and resumed without a snapshot between: on 1.16.1 that costs the agent.
  const source = { word: 'degraded', power: 'running', readiness: 'degraded' };
  t.match(error, {
    code: 1103,
    reason: 'disk-full',
    message: /The source source is degraded/,
    detail: { source },
  });
  t.match(await look('source'), { readiness: { is: 'degraded', reason: 'agent-unreachable', remedy: /./ } });
  t.strictSame(await drafts(), []);
  t.strictSame((await names()).includes('failed'), false);
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('a snapshot that is cancelled leaves no draft, and its source runs', async (t) => {
  vmms.fail({ at: 'create', do: 'delay', ms: 400 });
  await boot('source');
  const cancel = new AbortController();
  const creating = host.client.snapshot.create(
    { vm: 'source', name: 'cancelled' },
    { signal: cancel.signal },
  );
  await eventually('the create', async () =>
    (await look('source')).operation?.step === 'create' ? true : undefined,
  );
  cancel.abort();
  const error = await failureOf(creating);
  t.match(error, { code: 1001, reason: 'cancelled', detail: { source: { power: 'running' } } });
  t.equal((await look('source')).power.is, 'running');
  t.strictSame(await drafts(), []);
  vmms.fail();
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('a source whose VMM dies in the middle of its snapshot is gone, and no draft is left', async (t) => {
  vmms.fail({ at: 'create', do: 'die' });
  await boot('source');
  t.match(await failureOf(create('dead')), { code: 2102, reason: 'vmm-died' });
  await eventually('its removal', async () =>
    (await host.client.vm.list()).vms.length === 0 ? true : undefined,
  );
  vmms.fail();
  t.strictSame(await host.leftovers(), []);
});

t.test('a snapshot whose commit can’t be written is no snapshot, and its name is free', async (t) => {
  await boot('source');
  await again(host, { at: 'record.write', nth: 2, fail: 'ENOSPC' });
  const before = await names();
  t.match(await failureOf(create('late')), { reason: 'system-call-failed' });
  t.strictSame(await names(), before);
  t.strictSame(await readdir(join(host.storeDir, 'snapshots')).then((all) => all.length), before.length);
  await create('late');
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('the name of a snapshot is taken once', async (t) => {
  await boot('source');
  t.match(await failureOf(create('base')), {
    code: 2002,
    detail: { reason: 'name-taken', operation: /^op-/ },
  });
  t.equal((await look('source')).word, 'ready');
  await stopAll(host);
});

t.test('a snapshot is not deleted while a clone lives, nor one that is being restored', async (t) => {
  await boot('source');
  await create('used');
  await stopAll(host);
  only((await host.client.snapshot.restore({ snapshot: 'used', names: ['clone'] })).clones);
  const used = { code: 3002, detail: { reason: 'snapshot-in-use', retryable: true } };
  t.match(await failureOf(host.client.snapshot.delete({ snapshot: 'used' })), { ...used, message: /clone/ });
  await host.restart();
  t.match(await failureOf(host.client.snapshot.delete({ snapshot: 'used' })), used, 'nor by the next daemon');
  await stopAll(host);
  const restoring = host.client.snapshot.restore({ snapshot: 'used' });
  const refused = failureOf(host.client.snapshot.delete({ snapshot: 'used' }));
  t.match(await refused, used);
  t.strictSame(outcomes((await restoring).clones), ['ready']);
  await stopAll(host);
  await host.client.snapshot.delete({ snapshot: 'used' });
  t.match(await failureOf(host.client.snapshot.get({ snapshot: 'used' })), { reason: 'snapshot-unknown' });
  t.strictSame(await host.leftovers(), []);
});

t.test(
  'fitness: born without a NIC says yes; verify proves it by a throw-away clone, of which nothing is left',
  async (t) => {
    await boot('source');
    const { snapshot, warnings } = await create('proven', { verify: true });
    t.match(snapshot, { hotAttach: { is: 'yes', reason: /throw-away/ }, clones: [] });
    t.strictSame(warnings, []);
    t.strictSame(
      (await host.client.vm.list()).vms.map((vm) => vm.name),
      ['source'],
    );
    t.equal((await host.client.network.list()).networks[0]?.leases, 0);
    await stopAll(host);
    t.strictSame(await host.leftovers(), []);
  },
);

t.test(
  'verify: a throw-away clone that fails is told as that, and leaves neither clone nor snapshot',
  async (t) => {
    await boot('source');
    vmms.fail({ at: 'attach', do: 'fail', message: 'no such luck' });
    const error = await failureOf(create('unproven', { verify: true }));
    t.match(error, { code: 3010, reason: 'proof-failed', message: /throw-away clone.*no such luck/ });
    t.match(error.detail, { source: { power: 'running' }, operation: /^op-/ });
    vmms.fail();
    t.strictSame(
      (await host.client.vm.list()).vms.map((vm) => vm.name),
      ['source'],
    );
    t.notOk((await names()).includes('unproven'));
    t.strictSame(await drafts(), []);
    t.equal((await look('source')).word, 'ready');
    await stopAll(host);
    t.strictSame(await host.leftovers(), []);
  },
);

t.test('a clone can be a source: with its NIC taken along it is said not to be fit', async (t) => {
  only(
    (await host.client.snapshot.restore({ snapshot: 'base', strategy: 'none', names: ['source'] })).clones,
  );
  const { snapshot } = await create('second');
  t.match(snapshot, { generation: 1, hotAttach: { is: 'yes' }, parent: /^snap-/ });
  await stopAll(host);
  t.strictSame(outcomes((await host.client.snapshot.restore({ snapshot: 'second', count: 2 })).clones), [
    'ready',
    'ready',
  ]);
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});
