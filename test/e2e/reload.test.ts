import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import type { ThawEvent } from '../../daemon/api/events.js';
import { bin } from '../support/paths.js';
import { eventually, failureOf, hostWithBase, only, outcomes, stopAll } from '../support/flow.js';

const { host } = await hostWithBase(t, { config: { limits: { vms: 1 } } });
const path = join(host.box.runDir, 'config.json');
const first = JSON.parse(await readFile(path, 'utf8')) as Readonly<Record<string, unknown>>;
const say = (more: object | string) =>
  writeFile(path, typeof more === 'string' ? more : JSON.stringify({ ...first, ...more }));
const restore = async (count: number) =>
  outcomes((await host.client.snapshot.restore({ snapshot: 'base', count })).clones).sort();

/** Sends SIGHUP and waits for what is told of it. */
async function hangUp(): Promise<ThawEvent> {
  const events = host.client.events();
  await events.next();
  process.kill(host.pid, 'SIGHUP');
  for await (const item of events)
    if (item.kind === 'event' && item.event.type.startsWith('system.')) return item.event;
  throw new TypeError('nothing was told');
}

t.test(
  'what can change while it runs does, at SIGHUP and by request; the rest is said to take a restart',
  async (t) => {
    t.strictSame(await restore(2), ['no-room', 'ready']);
    await say({ limits: { vms: 3, parallel: 8 }, log: { level: 'debug' } });
    t.match(await hangUp(), {
      type: 'system.reloaded',
      detail: { applied: ['limits.vms', 'log.level'], restart: ['limits.parallel'] },
    });
    t.match((await host.client.system.health()).room, { vms: { used: 1, most: 3 } });
    t.strictSame(await restore(2), ['ready', 'ready']);
    await say({ limits: { vms: 2, parallel: 8 }, health: { intervalSeconds: 1 } });
    t.strictSame(await host.client.system.reload(), {
      applied: ['limits.vms', 'health.intervalSeconds', 'log.level'],
      restart: ['limits.parallel'],
    });
    const [vm] = (await host.client.vm.list()).vms;
    if (vm?.process.is !== 'alive') throw new TypeError('no VM');
    await host.signal(vm.process.pid ?? 0, 'SIGSTOP');
    await eventually('a look at its health', async () =>
      (await host.client.vm.get({ vm: vm.name })).vm.word === 'degraded' ? true : undefined,
    );
    await host.signal(vm.process.pid ?? 0, 'SIGCONT');
    t.equal((await host.client.vm.list()).vms.length, 3, 'who is in stays');
    await stopAll(host);
  },
);

t.test('a configuration that is wrong is refused and told, and the old one holds', async (t) => {
  for (const wrong of [
    '{ "limits": ',
    { limits: { vms: 0 } },
    { cgroups: { parent: '/dev/shm/none', limits: { pids: 64 } }, limits: { vms: 9 } },
  ]) {
    await say(wrong);
    t.match(await hangUp(), { type: 'system.reload-failed', detail: { message: /./ } });
    t.match((await host.client.system.health()).room, { vms: { most: 2 } }, 'nothing of it holds');
  }
  await say({ nonsense: true });
  t.match(await failureOf(host.client.system.reload()), {
    detail: { reason: 'config-invalid', problems: /nonsense/ },
  });
  await say({ limits: { vms: 1 } });
  t.match(await host.client.system.reload(), { restart: [] });
  t.match(only((await host.client.snapshot.restore({ snapshot: 'base' })).clones), { word: 'ready' });
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('a thawd that is told to take its VMs along ends them when it is stopped', async (t) => {
  await restore(1);
  await host.kill('SIGTERM');
  const log = join(host.box.runDir, 'stop.log');
  const script =
    '"$0" --config "$1" --stop-vms > "$2" 2>&1 & until grep -q listening "$2"; do sleep 0.1; done; kill -TERM $!; wait $!';
  await host.exec('sh', '-c', script, bin('thawd'), path, log);
  await host.exec('rm', log);
  await host.start();
  t.strictSame((await host.client.vm.list()).vms, []);
  t.strictSame(await host.leftovers(), []);
});
