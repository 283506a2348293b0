// What others do to the folder or the socket of a VM of ours is noticed at once: nobody looks at an interval here.
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { answering } from '../support/answering.js';
import { eventually, hostWithBase, only, type Vm } from '../support/flow.js';

const { host } = await hostWithBase(t, {
  config: {
    health: { intervalSeconds: 0, agentIntervalSeconds: 0 },
    reconcile: { intervalSeconds: 0 },
  },
});
const restore = async (name: string): Promise<Vm> =>
  only((await host.client.snapshot.restore({ snapshot: 'base', names: [name] })).clones);
const until = (name: string, word: Vm['word']) =>
  eventually(`${name} to be ${word}`, async () => {
    const { vm } = await host.client.vm.get({ vm: name });
    return vm.word === word ? vm : undefined;
  });
const gone = { is: 'degraded', reason: 'socket-gone', remedy: /Restore a fresh clone/ } as const;

t.test('a clone whose socket somebody unlinks is degraded, and can be stopped', async (t) => {
  const { apiSocket } = await restore('unlinked');
  await rm(apiSocket ?? '');
  t.match(await until('unlinked', 'degraded'), { readiness: gone });
  await host.client.vm.stop({ vm: 'unlinked' });
  t.strictSame(await host.leftovers(), []);
});

t.test('a clone whose folder somebody removes is degraded, and can be stopped', async (t) => {
  const { dir } = await restore('removed');
  await rm(dir, { recursive: true });
  t.match(await until('removed', 'degraded'), { readiness: gone });
  await host.client.vm.stop({ vm: 'removed' });
  t.strictSame(await host.leftovers(), []);
});

t.test('a clone whose folder is moved away and back is degraded meanwhile', async (t) => {
  const { dir } = await restore('moved');
  const away = join(host.runDir, 'away');
  await rename(dir, away);
  t.match(await until('moved', 'degraded'), { readiness: gone });
  await rename(away, dir);
  await until('moved', 'ready');
  await host.client.vm.stop({ vm: 'moved' });
  t.strictSame(await host.leftovers(), []);
});

t.test('a stranger’s socket in the place of a clone’s is not taken for it', async (t) => {
  const { apiSocket, dir } = await restore('replaced');
  await rename(apiSocket ?? '', join(dir, 'own.sock'));
  const end = await answering(apiSocket ?? '');
  t.match(await until('replaced', 'degraded'), { readiness: gone });
  end();
  await rm(apiSocket ?? '', { force: true });
  await rename(join(dir, 'own.sock'), apiSocket ?? '');
  await host.client.vm.stop({ vm: 'replaced' });
  t.strictSame(await host.leftovers(), []);
});

t.test('a clone whose socket went while no daemon looked is degraded from the start', async (t) => {
  const { apiSocket } = await restore('early');
  await host.kill('SIGTERM');
  await rm(apiSocket ?? '');
  await host.start();
  t.match(await until('early', 'degraded'), { readiness: gone });
  await host.client.vm.stop({ vm: 'early' });
  t.strictSame(await host.leftovers(), []);
});
