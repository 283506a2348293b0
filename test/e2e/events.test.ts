import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
  'who was away is told what it missed, by the next daemon too; after a crash it gets the state instead',
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
    const kept = host.client.events({ since: { epoch: state.epoch, seq: state.seq } });
    const types: string[] = [];
    for (let seq = state.seq + 1; types.at(-1) !== 'vm.changed'; seq += 1) {
      const item = (await kept.next()).value;
      t.match(
        item,
        { kind: 'event', epoch: state.epoch, event: { seq } },
        'no number is left out or given twice',
      );
      if (item?.kind === 'event') types.push(item.event.type);
    }
    t.strictSame(types, ['vm.preparing', 'vm.loaded', 'vm.attached', 'vm.ready', 'vm.changed']);
    await kept.return();
    t.notOk(
      existsSync(host.box.seen(join(host.runDir, 'events.json'))),
      'left for one daemon, and taken by it',
    );

    await host.restart('SIGKILL');
    const fresh = host.client.events({ since: { epoch: state.epoch, seq: state.seq } });
    const now = (await fresh.next()).value;
    t.match(now, { kind: 'state', vms: [{ name: 'c', word: 'ready' }] });
    t.not(
      now?.kind === 'state' && now.epoch,
      state.epoch,
      'numbers that may have been told are not given again',
    );
    await fresh.return();

    await host.kill('SIGTERM');
    await writeFile(host.box.seen(join(host.runDir, 'events.json')), '{"version":1,"epoch":"e","seq":7');
    await host.start();
    t.match(await host.client.system.health(), { status: 'ok' }, 'what is torn is none');
    await stopAll(host);
    t.strictSame(await host.leftovers(), []);
  },
);
