import { join } from 'node:path';
import t from 'tap';
import { failureOf, hostWithBase, only, outcomes, stopAll } from '../support/flow.js';

const { host } = await hostWithBase(t, {
  config: { reconcile: { intervalSeconds: 0 }, health: { intervalSeconds: 0 } },
});
const restore = (name: string) => host.client.snapshot.restore({ snapshot: 'base', names: [name] });

t.test('a folder that can’t be removed is told, and goes with the next reconcile that can', async (t) => {
  const vm = only((await restore('stuck')).clones);
  const stuck = join(vm.dir, 'stuck');
  await host.exec('mkdir', stuck);
  // As an immutable file does, on every file system: what is mounted on can't be removed.
  await host.exec('mount', '--bind', '/proc', stuck);
  t.match(await failureOf(host.client.vm.stop({ vm: 'stuck' })), {
    detail: { operation: /^op-/, remedy: /./ },
  });
  t.match(await host.client.system.reconcile({}), {
    findings: [{ vm: vm.id, outcome: 'failed', error: /./ }],
  });
  await host.exec('umount', stuck);
  t.match(await host.client.system.reconcile({}), { findings: [{ vm: vm.id, outcome: 'mended' }] });
  t.strictSame((await host.client.vm.list()).vms, []);
  t.strictSame(await host.leftovers(), []);
});

t.test('with records that can’t be written nothing is begun, and nothing that runs is lost', async (t) => {
  const records = join(host.runDir, 'records');
  const vm = only((await restore('before')).clones);
  await host.exec('mount', '--bind', records, records);
  await host.exec('mount', '-o', 'remount,bind,ro', records);
  t.strictSame(outcomes((await restore('during')).clones), ['system-call-failed']);
  t.match(await host.client.vm.list(), { vms: [{ id: vm.id, word: 'ready' }] });
  await host.exec('umount', records);
  only((await restore('after')).clones);
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});
