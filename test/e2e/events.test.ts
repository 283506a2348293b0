import t from 'tap';
import type { EventItem } from '../../client/index.js';
import { hostWithBase, machine, only, stopAll } from '../support/flow.js';

const { host, vmms } = await hostWithBase(t);

type Event = Extract<EventItem, { kind: 'event' }>['event'];

/** The events from now on; `until` ends them. */
async function during(fn: () => Promise<unknown>, until: (event: Event) => boolean): Promise<Event[]> {
  const items = host.client.events();
  await items.next();
  const seen: Event[] = [];
  const reading = (async () => {
    for await (const item of items) {
      if (item.kind === 'event') seen.push(item.event);
      if (item.kind === 'event' && until(item.event)) return;
    }
  })();
  await fn();
  await reading;
  return seen;
}
const typesOf = (events: readonly Event[], vm: string) =>
  events.filter((event) => event.vm === vm).map((event) => event.type);

t.test('a clone’s life is told in order, without a gap, each event with its operation', async (t) => {
  let id = '';
  const life = async () => {
    id = only((await host.client.snapshot.restore({ snapshot: 'base', names: ['a'] })).clones).id;
    await host.client.vm.stop({ vm: 'a' });
  };
  const events = await during(life, (event) => event.type === 'vm.removed');
  t.strictSame(typesOf(events, id), [
    'vm.preparing',
    'vm.loaded',
    'vm.attached',
    'vm.ready',
    'vm.changed',
    'vm.stopped',
    'vm.removed',
  ]);
  t.ok(events.every(({ seq }, index) => index === 0 || seq === (events[index - 1]?.seq ?? 0) + 1));
  t.ok(events.every(({ operation }) => operation?.startsWith('op-')));
  t.match(events.find(({ type }) => type === 'vm.ready')?.detail, { name: 'a', state: 'ready' });
  t.strictSame(await host.leftovers(), []);
});

t.test('a clone that fails is told with the reason, and then that it is gone', async (t) => {
  vmms.fail({ at: 'attach', do: 'fail', message: 'no' });
  const events = await during(
    () => host.client.snapshot.restore({ snapshot: 'base', names: ['b'] }),
    (event) => event.type === 'vm.removed',
  );
  t.strictSame(
    events.map(({ type }) => type),
    ['vm.preparing', 'vm.loaded', 'vm.failed', 'vm.removed'],
  );
  t.match(events[2]?.detail, { reason: 'vmm-refused', message: /no/ });
  vmms.fail();
  t.strictSame(await host.leftovers(), []);
});

t.test('a degraded VM and a snapshot are told too', async (t) => {
  const events = await during(
    async () => {
      await host.client.vm.boot({ name: 'source', config: machine() });
      await host.client.snapshot.create({ vm: 'source', name: 'told' });
      await host.client.vm.pause({ vm: 'source' });
      await host.client.vm.resume({ vm: 'source' });
      await stopAll(host);
      await host.client.snapshot.delete({ snapshot: 'told' });
    },
    ({ type }) => type === 'snapshot.deleted',
  );
  t.match(
    events.map(({ type }) => type).filter((type) => type !== 'vm.changed'),
    [
      'vm.preparing',
      'vm.ready',
      'snapshot.created',
      'vm.degraded',
      'vm.stopped',
      'vm.removed',
      'snapshot.deleted',
    ],
  );
  t.match(events.find(({ type }) => type === 'vm.degraded')?.detail, {
    reason: 'agent-unreachable',
    remedy: /./,
  });
});

t.test(
  'who was away for a while is told what it missed; of another daemon it gets the state instead',
  async (t) => {
    const first = host.client.events();
    const state = (await first.next()).value;
    await first.return();
    if (state?.kind !== 'state') throw new TypeError('no state came first');
    only((await host.client.snapshot.restore({ snapshot: 'base', names: ['c'] })).clones);
    const resumed = host.client.events({ since: { epoch: state.epoch, seq: state.seq } });
    t.match((await resumed.next()).value, {
      kind: 'event',
      event: { seq: state.seq + 1, type: 'vm.preparing' },
    });
    await resumed.return();
    await host.restart();
    const fresh = host.client.events({ since: { epoch: state.epoch, seq: state.seq } });
    t.match((await fresh.next()).value, { kind: 'state', vms: [{ name: 'c', word: 'ready' }] });
    await fresh.return();
    await stopAll(host);
    t.strictSame(await host.leftovers(), []);
  },
);
