import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { again, eventually, failureOf, hostWithBase, machine, only } from '../support/flow.js';

const clock = fileURLToPath(new URL('../support/clock.program.js', import.meta.url));
const { host } = await hostWithBase(t);
const restore = async (name: string, ttl?: number) =>
  only((await host.client.snapshot.restore({ snapshot: 'base', names: [name], ...(ttl && { ttl }) })).clones);
const names = async () => (await host.client.vm.list()).vms.map(({ name }) => name).sort();
const gone = (name: string) =>
  eventually(`${name} to be gone`, async () => ((await names()).includes(name) ? undefined : true));

/** What is told from now on, until `last` of a VM has been. */
async function until(last: string, vm: string): Promise<string[]> {
  const told: string[] = [];
  for await (const item of host.client.events()) {
    if (item.kind !== 'event' || item.event.vm !== vm) continue;
    told.push(item.event.type);
    if (item.event.type === last) break;
  }
  return told;
}

t.test('a VM is stopped when its time is over, and everybody is told why', async (t) => {
  const before = Date.now();
  const lasting = await restore('lasting');
  const brief = await restore('brief', 1_500);
  t.equal(lasting.expiresAt, null);
  t.ok(
    brief.expiresAt !== null && brief.expiresAt >= before + 1_500 && brief.expiresAt <= Date.now() + 1_500,
  );
  t.strictSame(await until('vm.removed', brief.id), ['vm.expired', 'vm.changed', 'vm.stopped', 'vm.removed']);
  t.ok(Date.now() >= (brief.expiresAt ?? Infinity), 'not before');
  const { timelines } = await host.client.vm.timeline({ vm: brief.id });
  t.match(timelines.at(-1), { method: 'vm.expire', outcome: 'committed' });
  t.strictSame(await names(), ['lasting']);
  await host.client.vm.stop({ vm: 'lasting' });
  t.strictSame(await host.leftovers(), []);
});

t.test('its time is counted from when it is there, and can be said anew', async (t) => {
  await host.client.vm.boot({ name: 'booted', config: machine(), ttl: 1 });
  await gone('booted');
  await restore('longer', 2_000);
  const { vm } = await host.client.vm.extend({ vm: 'longer', ttl: 3_600_000 });
  t.ok((vm.expiresAt ?? 0) > Date.now() + 3_500_000);
  await restore('freed', 2_000);
  t.match(await host.client.vm.extend({ vm: 'freed', ttl: null }), { vm: { expiresAt: null } });
  await restore('shorter', 3_600_000);
  await host.client.vm.extend({ vm: 'shorter', ttl: 1 });
  await gone('shorter');
  await sleep(2_200);
  t.strictSame(await names(), ['freed', 'longer']);
  for (const name of await names()) await host.client.vm.stop({ vm: name });
});

t.test(
  'an expiry outlives the daemon, and one that passed while none ran ends the VM at the start',
  async (t) => {
    await restore('later', 3_600_000);
    const { expiresAt } = (await host.client.vm.get({ vm: 'later' })).vm;
    await restore('soon', 1_000);
    await host.kill();
    await sleep(1_200);
    await host.start();
    t.equal((await host.client.vm.get({ vm: 'later' })).vm.expiresAt, expiresAt);
    await gone('soon');
    await host.client.vm.stop({ vm: 'later' });
    t.strictSame(await host.leftovers(), []);
  },
);

t.test('a snapshot of a VM that expires is no reprieve, and is undone', async (t) => {
  await again(host, { at: 'vmm.create', delay: 60_000 });
  await restore('source', 1_500);
  const failure = await failureOf(
    host.client.snapshot.create({ vm: 'source', name: 'late', keepNics: true }),
  );
  t.match(failure.detail, { reason: 'cancelled', by: 'vm.expire' });
  await gone('source');
  t.strictSame(await host.leftovers(), []);
});

t.test('a clock that is set ends nobody, and makes nobody live for ever', async (t) => {
  const file = join(host.box.runDir, 'clock');
  const set = (seconds: number) => writeFile(file, String(seconds * 1000));
  await set(0);
  await host.kill('SIGTERM');
  await host.start({ TEST_CLOCK: file, NODE_OPTIONS: `--import=${clock}` });
  const vm = await restore('steady', 5_000);
  await set(86_400);
  const moved = await eventually('the record to move', async () => {
    const { expiresAt } = (await host.client.vm.get({ vm: 'steady' })).vm;
    return expiresAt === vm.expiresAt ? undefined : expiresAt;
  });
  t.ok(Math.abs((moved ?? 0) - (vm.expiresAt ?? 0) - 86_400_000) < 1_000, 'ahead');
  const record = JSON.parse(await readFile(join(host.runDir, 'records', `${vm.id}.json`), 'utf8')) as object;
  t.match(record, { expiresAt: moved }, 'and in the file');
  const fresh = await restore('fresh', 4_000);
  await set(-86_400);
  await gone('steady');
  await gone('fresh');
  t.ok(Date.now() < (fresh.expiresAt ?? 0), 'which by the clock would have been in two days');
  await rm(file);
  t.strictSame(await host.leftovers(), []);
});
