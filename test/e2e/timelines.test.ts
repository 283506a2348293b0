import t from 'tap';
import { failureOf, hostWithBase, machine, only, stopAll, whyNot } from '../support/flow.js';

const { host, vmms } = await hostWithBase(t);
const spansOf = async (operation: string, kind: string) => {
  const { timelines } = await host.client.vm.timeline({ operation });
  return timelines.flatMap(({ spans }) => spans.filter((span) => span.kind === kind).map(({ name }) => name));
};

t.test('a timeline names each step and each effect, in order, and what the guest answered', async (t) => {
  only((await host.client.snapshot.restore({ snapshot: 'base', names: ['a'] })).clones);
  const { timelines } = await host.client.vm.timeline({ vm: 'a' });
  const [timeline] = timelines;
  t.match(timeline, { method: 'snapshot.restore', name: 'a', outcome: 'committed', error: null });
  const steps = (timeline?.spans ?? []).filter(({ kind }) => kind === 'step');
  t.strictSame(
    steps.map(({ name }) => name.split(' ')[0]),
    ['compatible', 'folder', 'lease', 'tap', 'filter', 'vmm', 'load', 'nic', 'resume', 'update', 'confirm'],
  );
  t.ok(
    steps.every(
      ({ start, end }, index) => end !== null && end >= start && start >= (steps[index - 1]?.end ?? 0),
    ),
  );
  t.match(steps.find(({ name }) => name === 'update')?.detail, { parts: { network: { is: 'done' } } });
  await stopAll(host);
});

t.test(
  'a failed clone’s timeline stays, by operation and by the name that it had, undo included',
  async (t) => {
    vmms.fail({ at: 'resume', do: 'die' });
    const { data } = whyNot((await host.client.snapshot.restore({ snapshot: 'base', names: ['b'] })).clones);
    const operation = String(data['operation']);
    t.strictSame((await spansOf(operation, 'step')).at(-1), 'resume');
    t.match(await spansOf(operation, 'undo'), [
      'end',
      /confirm/,
      /update/,
      /resume/,
      /nic/,
      /load/,
      /vmm/,
      /filter/,
      /tap/,
      /lease/,
      /folder/,
      /compatible/,
    ]);
    const { timelines } = await host.client.vm.timeline({ vm: 'b' });
    t.match(timelines.at(0), { operation, outcome: 'undone', error: { reason: 'vmm-died' } });
    vmms.fail();
    t.strictSame(await host.leftovers(), []);
  },
);

t.test('every operation that fails says by which id it can be looked up', async (t) => {
  await host.client.vm.boot({ name: 'source', config: machine() });
  const failures = [
    host.client.vm.boot({ name: 'source', config: machine() }),
    host.client.vm.boot({ config: { 'boot-source': { kernel_image_path: '/no' } } }),
    host.client.snapshot.create({ vm: 'source', name: 'base' }),
    host.client.network.detach({ vm: 'source', attachment: 'eth0' }),
    host.client.network.attach({ vm: 'source', nic: { address: '192.0.2.1' } }),
  ];
  for (const { detail, reason } of await Promise.all(failures.map(failureOf))) {
    const { timelines } = await host.client.vm.timeline({ operation: detail.operation ?? 'op-none' });
    t.match(timelines, [{ outcome: 'undone', error: { reason } }], reason);
  }
  t.match(await failureOf(host.client.vm.timeline({ operation: 'op-0000000000' })), { code: 2005 });
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});
