import t from 'tap';
import { eventually, failureOf, hostWithBase, only, pidOf } from '../support/flow.js';

const { host } = await hostWithBase(t);
const restore = async (name: string) =>
  only((await host.client.snapshot.restore({ snapshot: 'base', names: [name] })).clones);
const gone = (name: string) =>
  eventually(`the end of ${name}`, async () => {
    const { vms } = await host.client.vm.list();
    return vms.some((vm) => vm.name === name) ? undefined : true;
  });

t.test('a VMM that is killed is noticed at once, told as an event, and all it held is free', async (t) => {
  const clone = await restore('mortal');
  const events = host.client.events();
  t.match((await events.next()).value, { kind: 'state', vms: [{ name: 'mortal' }] });
  await host.signal(pidOf(clone), 'SIGKILL');
  const told: unknown[] = [];
  for await (const item of events) {
    if (item.kind !== 'event') continue;
    told.push(item.event);
    if (item.event.type === 'vm.removed') break;
  }
  t.match(told, [
    { type: 'vm.changed', vm: clone.id, detail: { state: 'ended' } },
    { type: 'vm.stopped', vm: clone.id, detail: { name: 'mortal', exit: { code: null, signal: 'SIGKILL' } } },
    { type: 'vm.removed', vm: clone.id },
  ]);
  t.strictSame(await host.leftovers(), []);
  t.equal((await host.client.network.list()).networks[0]?.leases, 0);
  t.match(await failureOf(host.client.vm.get({ vm: 'mortal' })), { reason: 'vm-unknown' });
  const { timelines } = await host.client.vm.timeline({ vm: 'mortal' });
  t.match(timelines, [{ method: 'snapshot.restore' }, { method: 'vm.ended', outcome: 'committed' }]);
  t.equal((await restore('mortal')).word, 'ready', 'its name is free');
  await host.client.vm.stop({ vm: 'mortal' });
});

t.test('also a VMM that an earlier daemon has started', async (t) => {
  const clone = await restore('adopted');
  await host.restart();
  await host.signal(pidOf(clone), 'SIGKILL');
  await gone('adopted');
  t.strictSame(await host.leftovers(), []);
});

t.test(
  'a VMM that is killed in the middle of an agent’s update ends the update, not after its deadline',
  async (t) => {
    const clone = await restore('busy');
    await host.signal(pidOf(clone), 'SIGSTOP');
    const updating = failureOf(host.client.agent.update({ vm: 'busy', timeout: 600_000 }));
    await eventually('the update', async () => {
      const { vm } = await host.client.vm.get({ vm: 'busy' });
      return vm.operation?.step === 'update' ? true : undefined;
    });
    await host.signal(pidOf(clone), 'SIGKILL');
    t.match(await updating, { code: 2102, reason: 'vmm-died' });
    await gone('busy');
    t.strictSame(await host.leftovers(), []);
  },
);

t.test('many are killed at once, and stopped at the same moment', async (t) => {
  const { clones } = await host.client.snapshot.restore({ snapshot: 'base', count: 4 });
  const vms = clones.map((clone) => only([clone]));
  await Promise.all([
    ...vms.map((vm) => host.signal(pidOf(vm), 'SIGKILL').catch(() => undefined)),
    ...vms.map((vm) => host.client.vm.stop({ vm: vm.name }).catch(() => undefined)),
  ]);
  for (const vm of vms) await gone(vm.name);
  t.strictSame(await host.leftovers(), []);
  t.match(await host.client.system.health(), { vms: 0, operations: 0 });
});

t.test('what is asked of a VM just while its end is being told ends too, and keeps nothing', async (t) => {
  const clone = await restore('late');
  await host.signal(pidOf(clone), 'SIGKILL');
  const asked = Array.from({ length: 20 }, () => host.client.vm.pause({ vm: 'late' }).catch(() => undefined));
  await Promise.all(asked);
  await gone('late');
  t.strictSame(await host.leftovers(), []);
});
