import t from 'tap';
import type { Host } from '../support/host.js';
import { again, hostWithBase, only, stopAll } from '../support/flow.js';

const { host } = await hostWithBase(t);

t.test('a daemon that dies before it has plugged or unplugged anything costs a VM nothing', async (t) => {
  only((await host.client.snapshot.restore({ snapshot: 'base', names: ['half'] })).clones);
  const attach = ({ client }: Host) => client.network.attach({ vm: 'half' });
  const detach = ({ client }: Host) => client.network.detach({ vm: 'half', attachment: 'eth0' });
  for (const [at, change] of [
    ['tap.create', attach],
    ['vmm.attach', attach],
    ['vmm.detach', detach],
  ] as const) {
    await again(host, { at, when: 'before', kill: true });
    const dying = change(host).catch(() => undefined);
    t.match(await host.ended(), { signal: 'SIGKILL' }, at);
    await host.client.close();
    await dying;
    await host.start();
    t.match((await host.client.vm.get({ vm: 'half' })).vm, {
      word: 'ready',
      operation: null,
      attachments: [{ id: 'eth0' }],
      warnings: [],
    });
  }
  t.match(await attach(host), { attachment: { id: 'eth1', state: { is: 'confirmed' } } });
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('one that dies after the plug leaves the mark of the unplug that undid it', async (t) => {
  only((await host.client.snapshot.restore({ snapshot: 'base', names: ['half'] })).clones);
  await again(host, { at: 'vmm.attach', when: 'after', kill: true });
  const dying = host.client.network.attach({ vm: 'half' }).catch(() => undefined);
  await host.ended();
  await host.client.close();
  await dying;
  // The next one too, right after it has unplugged: what comes then finds no NIC, and must know all the same.
  await t.rejects(
    host.start({ THAW_FAULTS: JSON.stringify([{ at: 'vmm.detach', when: 'after', kill: true }]) }),
  );
  await host.start();
  t.match((await host.client.vm.get({ vm: 'half' })).vm, { word: 'ready', warnings: [/unplugged/] });
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});
