import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { connect } from '../../client/index.js';
import { atOnce, hostWithBase, only, stopAll } from '../support/flow.js';
import { startHost } from '../support/host.js';
import { fifoAt, leave } from '../records/debris.js';
import { generator } from '../support/random.js';
import { bin } from '../support/paths.js';

const host = await startHost(t, { env: atOnce });

/** Starts a thawd that is to refuse; what it says. */
async function refusal(config: object): Promise<string> {
  const path = join(host.storeDir, 'other.json');
  await writeFile(path, JSON.stringify(config));
  return await host.exec(process.execPath, bin('thawd'), '--config', path).then(
    () => 'it ran',
    (error: unknown) => (error as { stderr: string }).stderr,
  );
}
const own = { runDir: host.runDir, storeDir: host.storeDir, socket: { group: 'root' } };
const elsewhere = {
  runDir: join(host.box.runDir, 'other'),
  storeDir: join(host.storeDir, 'other'),
  socket: { group: 'root' },
};
const network = (more: object) => ({
  networks: { default: { bridge: 'br9', subnet: '10.99.0.0/24', ...more } },
});

t.test(
  'a bridge whose name is too long for the kernel, a misspelt key, a subnet that is none: each is named',
  async (t) => {
    t.match(
      await refusal({ ...elsewhere, ...network({ bridge: 'a-bridge-too-far' }) }),
      /default.*bridge|bridge.*default/s,
    );
    t.match(await refusal({ ...elsewhere, ...network({ subnet: '10.99.0.0/33' }) }), /subnet/);
    t.match(await refusal({ ...elsewhere, ...network({ brigde: 'x' }) }), /brigde/);
    t.match(await refusal({ ...elsewhere, slot: { size: 3 } }), /slot/);
    const links = await host.exec('ip', '-json', 'link', 'show', 'type', 'bridge');
    t.notMatch(links, /br9/, 'nothing was made');
    await host.exec('rm', '-rf', elsewhere.runDir);
    t.strictSame(await host.leftovers(), []);
  },
);

t.test('a second daemon is refused, and the first one is not disturbed', async (t) => {
  t.match(await refusal(own), /another thawd/i);
  t.match(await refusal({ ...own, runDir: elsewhere.runDir }), /another thawd/i, 'nor with the same store');
  await host.exec('rm', '-rf', elsewhere.runDir);
  t.match(await host.client.system.health(), { status: 'ok' });
  t.strictSame(await host.leftovers(), []);
});

t.test('the socket of a daemon that was killed is taken over', async (t) => {
  await host.kill('SIGKILL');
  t.ok((await readdir(host.runDir)).includes('thawd.sock'), 'it left its socket behind');
  await host.start();
  t.match(await host.client.system.health(), { status: 'ok' });
  await host.kill('SIGTERM');
  t.notOk((await readdir(host.runDir)).includes('thawd.sock'), 'one that ends in order leaves none');
  await host.start();
  t.strictSame(await host.leftovers(), []);
});

t.test(
  'records and manifests that can’t be used cost neither the start nor other VMs, and are kept',
  async (t) => {
    const { host: other } = await hostWithBase(t);
    only((await other.client.snapshot.restore({ snapshot: 'base', names: ['whole'] })).clones);
    const { vm: torn } = {
      vm: only((await other.client.snapshot.restore({ snapshot: 'base', names: ['torn'] })).clones),
    };
    await other.kill('SIGKILL');
    const records = join(other.runDir, 'records');
    await writeFile(join(records, `${torn.id}.json`), '{"version": 1, "id"');
    const good = await readFile(
      join(records, (await readdir(records)).find((name) => !name.includes(torn.id)) ?? ''),
      'utf8',
    );
    const twin = { ...(JSON.parse(good) as object), version: 1, id: 'vm-zzzzzzzzzz' };
    await writeFile(join(records, 'vm-zzzzzzzzzz.json'), JSON.stringify(twin));
    const seed = Date.now() % 2 ** 31;
    const random = generator(seed);
    const [fifo, inStore] = [fifoAt(other.runDir), fifoAt(other.storeDir)];
    for (let n = 10; n < 40; n += 1) {
      leave(join(records, `vm-00000000${n}.json`), { good, random, fifo });
      const snapshot = join(other.storeDir, 'snapshots', `snap-00000000${n}`);
      await mkdir(snapshot);
      leave(join(snapshot, 'manifest.json'), { good: '{"version":1,"id":"snap-0"}', random, fifo: inStore });
    }
    await other.start();
    t.strictSame(
      (await other.client.snapshot.list()).snapshots.map(({ name }) => name),
      ['base'],
      `seed ${seed}`,
    );
    const { vms } = await other.client.vm.list();
    t.match(
      vms.filter((vm) => vm.origin !== 'foreign'),
      [{ name: 'whole', word: 'ready' }],
    );
    t.match(
      vms.filter((vm) => vm.origin === 'foreign'),
      [{ id: torn.id }],
      'what nobody knows any more is still seen',
    );
    t.ok(await other.ping(torn.attachments[0]?.addresses[0]?.split('/')[0] ?? ''), 'and not cut off');
    t.equal((await readdir(records)).filter((name) => name.endsWith('.unusable')).length, 32);
    await stopAll(other).catch(() => undefined);
  },
);

t.test('a run directory whose path is too long for sockets is refused', async (t) => {
  const long = join(host.box.runDir, 'x'.repeat(90));
  t.match(await refusal({ ...elsewhere, runDir: long }), /long/i);
  await host.exec('rm', '-rf', long);
  t.strictSame(await host.leftovers(), []);
});

t.test('a socket that somebody else listens on is not taken', async (t) => {
  const path = join(host.box.runDir, 'taken.sock');
  const server = createServer((socket) => socket.resume()).listen(path);
  t.teardown(() => server.close());
  const said = await refusal({ ...elsewhere, socket: { group: 'root', path } });
  t.match(said, /another thawd|taken\.sock/i);
  await host.exec('rm', '-rf', elsewhere.runDir);
  const client = await connect({ socket: host.socketPath });
  t.match(await client.system.health(), { status: 'ok' });
  await client.close();
  await new Promise((resolve) => server.close(resolve));
  await host.exec('rm', '-f', path);
  t.strictSame(await host.leftovers(), []);
});
