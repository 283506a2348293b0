import t from 'tap';
import { again, failureOf, hostWithBase, only, stopAll, whyNot } from '../support/flow.js';

const { host, vmms } = await hostWithBase(t);
const restore = async (names: string[], more: object = {}) =>
  (await host.client.snapshot.restore({ snapshot: 'base', names, ...more })).clones;
const look = async (vm: string) => (await host.client.vm.get({ vm })).vm;

t.test(
  'keepOnFailure: what failed can be looked at, also by the next daemon, until it is stopped',
  async (t) => {
    vmms.fail({ at: 'agent', nth: 0, do: 'silent' });
    const error = whyNot(await restore(['kept'], { readyTimeout: 500, keepOnFailure: true }));
    t.match(error, { data: { reason: 'agent-silent' } });
    const readiness = { is: 'failed', reason: /agent-silent/ };
    const kept = { word: 'failed', readiness, process: { is: 'alive' }, attachments: [{ id: 'eth0' }] };
    t.match(await look('kept'), kept);
    vmms.fail();
    await again(host);
    t.match(await look('kept'), kept);
    t.match(whyNot(await restore(['kept'])), { data: { reason: 'name-taken' } });
    await host.client.vm.stop({ vm: 'kept' });
    t.strictSame(await host.leftovers(), []);
    t.equal(only(await restore(['kept'])).word, 'ready', 'its name is free again');
    await stopAll(host);
  },
);

t.test('keepOnFailure: a clone whose VMM died is kept too', async (t) => {
  vmms.fail({ at: 'resume', do: 'die', when: 'after' });
  await restore(['kept'], { keepOnFailure: true });
  vmms.fail();
  t.match(await look('kept'), { word: 'failed', process: { is: 'ended' } });
  await host.client.vm.stop({ vm: 'kept' });
  t.strictSame(await host.leftovers(), []);
});

t.test('a record that can’t be written undoes the clone, and costs no name', async (t) => {
  // The plan of the first restore, and the commit of the second.
  const lost = { at: 'record.write', fail: 'ENOSPC' };
  await again(host, { ...lost, nth: 4 }, { ...lost, nth: 1 });
  for (const which of ['plan', 'commit']) {
    t.match(whyNot(await restore(['same'])), { data: { reason: 'system-call-failed' } }, which);
    t.strictSame((await host.client.vm.list()).vms, []);
    t.strictSame(await host.leftovers(), []);
  }
  t.equal(only(await restore(['same'])).word, 'ready');
  await stopAll(host);
});

t.test(
  'what could not be undone is said, stays in the record, and is undone by the next daemon',
  async (t) => {
    vmms.fail({ at: 'load', do: 'die' });
    await again(host, { at: 'folder.remove', fail: 'EBUSY' });
    t.match(
      whyNot(await restore(['sticky'])),
      { data: { reason: 'vmm-died' } },
      'the first cause stays the error',
    );
    t.match(await look('sticky'), { word: 'stopping', process: { is: 'ended' } });
    t.match(await failureOf(host.client.vm.stop({ vm: 'sticky' })), {
      code: 2007,
      detail: { reason: 'undo-failed', steps: ['folder'], operation: /^op-/ },
    });
    vmms.fail();
    await again(host);
    t.strictSame((await host.client.vm.list()).vms, []);
    t.strictSame(await host.leftovers(), []);
  },
);
