import t from 'tap';
import { again, eventually, failureOf, hostWithBase, machine, outcomes, stopAll } from '../support/flow.js';

const { host } = await hostWithBase(t, {
  config: { limits: { vms: 3, memoryMib: 512 }, slots: { size: 1 } },
});
const { client } = host;
const restore = (count: number) => host.client.snapshot.restore({ snapshot: 'base', count });
const slots = () =>
  eventually('the slot', async () => ((await host.client.system.health()).slots === 1 ? true : undefined));

t.test('of many clones asked for at once as many come to be as there is room for', async (t) => {
  await slots();
  const asked = await Promise.all([restore(2), restore(2), restore(2)]);
  const all = asked.flatMap(({ clones }) => outcomes(clones)).sort();
  t.strictSame(all, ['no-room', 'no-room', 'no-room', 'ready', 'ready', 'ready']);
  const refused = asked.flatMap(({ clones }) => clones).find(({ ok }) => !ok);
  t.match(refused, {
    error: { code: 2009, data: { retryable: true, limit: 'vms', most: 3, remedy: /limits\.vms/ } },
  });
  t.match((await client.system.health()).room, {
    vms: { used: 3, most: 3 },
    memoryMib: { used: 384, most: 512 },
  });
  t.match(await failureOf(client.vm.boot({ config: machine() })), { reason: 'no-room' });
  const [first] = (await client.vm.list()).vms;
  await client.vm.stop({ vm: first?.name ?? '?' });
  t.strictSame(outcomes((await restore(1)).clones), ['ready'], 'what is freed can be had');
});

t.test('room is counted again by the next daemon, and slots take none', async (t) => {
  await host.restart('SIGKILL');
  t.strictSame(outcomes((await restore(1)).clones), ['no-room']);
  await stopAll(host);
  await slots();
  t.match((await host.client.system.health()).room, { vms: { used: 0 }, memoryMib: { used: 0 } });
});

t.test(
  'memory counts too, nothing is made for what is refused, and what failed gives its room back',
  async (t) => {
    const big = machine({ 'machine-config': { mem_size_mib: 400, vcpu_count: 1 } });
    await host.client.vm.boot({ name: 'big', config: big });
    const { timelines } = await host.client.vm.timeline({
      operation: String((await failureOf(host.client.vm.boot({ config: machine() }))).detail.operation),
    });
    t.match(timelines, [{ outcome: 'undone', error: { reason: 'no-room' } }]);
    t.notOk(
      timelines[0]?.spans.some(({ name, kind }) => kind === 'step' || /make|write|spawn/.test(name)),
      'nothing was made',
    );
    await stopAll(host);
    await again(host, { at: 'vmm.load', fail: 'EIO' });
    await slots();
    t.strictSame(outcomes((await restore(3)).clones), Array(3).fill('system-call-failed'));
    t.match((await host.client.system.health()).room, { vms: { used: 0 }, memoryMib: { used: 0 } });
  },
);
