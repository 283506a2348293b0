import t from 'tap';
import { connect } from '../../client/index.js';
import {
  eventually,
  failureOf,
  hostWithBase,
  machine,
  only,
  outcomes,
  stopAll,
  whyNot,
} from '../support/flow.js';

const { host, vmms } = await hostWithBase(t);

/** Waits until a VM is in the middle of something. */
const inTheMiddle = (name: string, step: string) =>
  eventually(`${step} of ${name}`, async () => {
    const { vms } = await host.client.vm.list();
    return vms.find((vm) => vm.name === name && vm.operation?.step === step);
  });
const silent = () => vmms.fail({ at: 'agent', nth: 0, do: 'silent' });

t.test('a restore that is cancelled is undone, and its answer says so', async (t) => {
  silent();
  const cancel = new AbortController();
  const restoring = host.client.snapshot.restore(
    { snapshot: 'base', names: ['a', 'b'] },
    { signal: cancel.signal },
  );
  await Promise.all([inTheMiddle('a', 'update'), inTheMiddle('b', 'update')]);
  cancel.abort();
  t.strictSame(outcomes((await restoring).clones), ['cancelled', 'cancelled']);
  t.strictSame((await host.client.vm.list()).vms, []);
  t.strictSame(await host.leftovers(), []);
  const { timelines } = await host.client.vm.timeline({ vm: 'a' });
  t.match(timelines, [{ outcome: 'undone', error: { reason: 'cancelled' } }]);
});

t.test('a boot that is cancelled is undone', async (t) => {
  silent();
  const cancel = new AbortController();
  const booting = host.client.vm.boot({ name: 'a', config: machine() }, { signal: cancel.signal });
  await inTheMiddle('a', 'hello');
  cancel.abort();
  t.match(await failureOf(booting), { code: 1001, reason: 'cancelled' });
  t.strictSame(await host.leftovers(), []);
});

t.test('what a client that goes away has asked for is undone', async (t) => {
  silent();
  const fickle = await connect({ socket: host.socketPath });
  const restoring = fickle.snapshot.restore({ snapshot: 'base', names: ['a'] });
  restoring.catch(() => undefined);
  await inTheMiddle('a', 'update');
  await fickle.close();
  await eventually('the undo', async () =>
    (await host.client.vm.list()).vms.length === 0 ? true : undefined,
  );
  t.strictSame(await host.leftovers(), []);
});

t.test('vm.stop ends a restore under way, and answers when nothing is left of it', async (t) => {
  silent();
  const restoring = host.client.snapshot.restore({ snapshot: 'base', names: ['a'] });
  await inTheMiddle('a', 'update');
  await host.client.vm.stop({ vm: 'a' });
  t.strictSame(await host.leftovers(), []);
  t.match(whyNot((await restoring).clones), { code: 1001, data: { reason: 'cancelled', by: 'vm.stop' } });
});

t.test(
  'a VM in the middle of something refuses all else, retryably, and says what it is busy with',
  async (t) => {
    silent();
    const restoring = host.client.snapshot.restore({ snapshot: 'base', names: ['a'] });
    const { operation } = await inTheMiddle('a', 'update');
    const others = [
      host.client.vm.pause({ vm: 'a' }),
      host.client.vm.resume({ vm: 'a' }),
      host.client.snapshot.create({ vm: 'a' }),
      host.client.network.attach({ vm: 'a' }),
      host.client.network.detach({ vm: 'a', attachment: 'eth0' }),
      host.client.agent.update({ vm: 'a' }),
    ];
    for (const error of await Promise.all(others.map(failureOf))) {
      const detail = { reason: 'vm-busy', retryable: true, method: 'snapshot.restore', by: operation?.id };
      t.match(error, { code: 2003, detail });
    }
    t.match((await host.client.vm.get({ vm: 'a' })).vm, { word: 'restoring', readiness: { is: 'waiting' } });
    await host.client.vm.stop({ vm: 'a' });
    await restoring;
    vmms.fail();
    t.strictSame(await host.leftovers(), []);
    t.equal((await host.client.network.list()).networks[0]?.leases, 0);
  },
);

t.test('a cancel that comes after the guest’s word is too late: the clone stays', async (t) => {
  const cancel = new AbortController();
  const { clones } = await host.client.snapshot.restore(
    { snapshot: 'base', names: ['a'] },
    { signal: cancel.signal },
  );
  cancel.abort();
  t.equal(only(clones).word, 'ready');
  t.equal((await host.client.vm.get({ vm: 'a' })).vm.word, 'ready');
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('many are stopped in the middle at once', async (t) => {
  const names = ['a', 'b', 'c', 'd'];
  const restoring = host.client.snapshot.restore({ snapshot: 'base', names });
  await eventually('the first', async () =>
    (await host.client.vm.list()).vms.length > 0 ? true : undefined,
  );
  const seen = (await host.client.vm.list()).vms.map((vm) => vm.name);
  await Promise.all(seen.map((vm) => host.client.vm.stop({ vm })));
  const got = outcomes((await restoring).clones);
  t.ok(
    got.every((word) => ['ready', 'cancelled', 'stopping', 'ended'].includes(word)),
    got.join(),
  );
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});
