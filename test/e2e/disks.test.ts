import { open, readFile, rename, stat, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { Agent } from '../firecracker/lab.js';
import { atOnce, eventually, failureOf, machine, only, stopAll, type Vm } from '../support/flow.js';
import { startHost } from '../support/host.js';

const host = await startHost(t, { env: atOnce });
const size = 4 * 1024 * 1024;
const block = 4096;
const disk = join(host.storeDir, 'rootfs.img');
await writeFile(disk, '');
await truncate(disk, size);
const shared = join(host.storeDir, 'shared.img');
await writeFile(shared, Buffer.alloc(block, 'S'));
const drive = (id: string, path: string, more: object = {}) => ({
  drive_id: id,
  path_on_host: path,
  is_root_device: id === 'rootfs',
  ...more,
});
const drives = [drive('rootfs', disk), drive('shared', shared, { is_read_only: true })];
const boot = (name: string, list: object[]) =>
  host.client.vm.boot({ name, config: machine({ drives: list }) });

/** Runs a script in a guest, by its agent; the daemon holds no connection then. */
async function inside(vm: Vm, script: string): Promise<string> {
  const agent = await eventually('the agent', () => Agent.connect(join(vm.dir, 'v.sock'), 1_000));
  try {
    const { code, out, err } = await agent.sh(script);
    if (code !== 0) throw new TypeError(`${script}: ${err}`);
    return out;
  } finally {
    await agent.close();
  }
}
const write = (letter: string) =>
  `head -c ${block} /dev/zero | tr '\\0' ${letter} | dd of=/dev/vda bs=${block} seek=5 conv=notrunc,fsync 2>/dev/null`;
const read = `dd if=/dev/vda bs=${block} skip=5 count=1 2>/dev/null | tr -d '\\0' | cut -c1-4`;
async function blockOf(path: string): Promise<string> {
  await using file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(block), 0, block, 5 * block);
  return buffer.toString('latin1').replaceAll('\0', '').slice(0, 4);
}

t.test(
  'two clones write the same block: each keeps its own, the snapshot and the source theirs',
  async (t) => {
    const { vm: source } = await boot('source', drives);
    await host.kill('SIGTERM');
    await inside(source, write('o'));
    await host.start();
    const { snapshot } = await host.client.snapshot.create({ vm: 'source', name: 'base' });
    const { clones } = await host.client.snapshot.restore({ snapshot: 'base', names: ['a', 'b'] });
    const [a, b] = clones.map((clone) => only([clone]));
    if (!a || !b) throw new TypeError('two clones were asked for');
    await host.kill('SIGTERM');
    t.strictSame(
      [await inside(a, read), await inside(b, read)],
      ['oooo', 'oooo'],
      'both have the snapshot’s',
    );
    await Promise.all([inside(a, write('a')), inside(b, write('b')), inside(source, write('s'))]);
    t.strictSame([await inside(a, read), await inside(b, read)], ['aaaa', 'bbbb']);
    t.equal(await inside(a, 'head -c 4 /dev/vdb'), 'SSSS', 'the read-only drive is shared');
    await host.start();
    const kept = join(host.storeDir, 'snapshots', snapshot.id, 'disks', 'drive-rootfs');
    t.equal(await blockOf(kept), 'oooo', 'the snapshot’s copy is as it was');
    t.equal(await blockOf(disk), 'ssss', 'the source writes to its own file');
    t.match(await host.client.snapshot.verify({ snapshot: 'base' }), { intact: true });
    t.ok((await stat(kept)).blocks * 512 < size / 2, 'holes stay holes');
    t.equal((await readFile(shared, 'latin1')).slice(0, 4), 'SSSS');
    await stopAll(host);
    t.strictSame(await host.leftovers(), [], 'the clones’ copies are gone');
    t.equal(await blockOf(disk), 'ssss', 'the source’s file is not');
  },
);

t.test('a clone of a clone starts with the clone’s disk', async (t) => {
  const first = only(
    (await host.client.snapshot.restore({ snapshot: 'base', names: ['first'], strategy: 'none' })).clones,
  );
  await host.kill('SIGTERM');
  await inside(first, write('1'));
  await host.start();
  await host.client.snapshot.create({ vm: 'first', name: 'second' });
  await host.client.vm.stop({ vm: 'first' });
  const second = only((await host.client.snapshot.restore({ snapshot: 'second', strategy: 'none' })).clones);
  await host.kill('SIGTERM');
  t.equal(await inside(second, read), '1111');
  await host.start();
  await stopAll(host);
  await host.client.snapshot.delete({ snapshot: 'second' });
  t.strictSame(await host.leftovers(), []);
});

t.test('a drive that a VM writes to is no other’s, by whatever name', async (t) => {
  const alias = join(host.storeDir, 'alias.img');
  await symlink(disk, alias);
  const inUse = (by: string) => ({ code: 2008, detail: { reason: 'drive-in-use', by, operation: /^op-/ } });
  const both = await Promise.allSettled([boot('one', drives), boot('two', [drive('rootfs', alias)])]);
  t.strictSame(
    both.map(({ status }) => status).sort(),
    ['fulfilled', 'rejected'],
    'also when both ask at once',
  );
  const { vms } = await host.client.vm.list();
  const winner = vms[0]?.name ?? '';
  t.match(
    both.find(({ status }) => status === 'rejected'),
    { reason: inUse(winner) },
  );
  t.match(await failureOf(boot('three', [drive('rootfs', disk, { is_read_only: true })])), inUse(winner));
  await host.restart();
  t.match(await failureOf(boot('three', [drive('rootfs', disk)])), inUse(winner), 'nor for the next daemon');
  await stopAll(host);
  t.match(await failureOf(boot('three', [drive('rootfs', disk), drive('other', alias)])), inUse('three'));
  await boot('three', [drive('rootfs', disk)]);
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('a drive that clones read is written by nobody while they live', async (t) => {
  const clone = only(
    (await host.client.snapshot.restore({ snapshot: 'base', names: ['reader'], strategy: 'none' })).clones,
  );
  t.match(await failureOf(boot('writer', [drive('rootfs', shared)])), {
    reason: 'drive-in-use',
    detail: { by: clone.name },
  });
  await stopAll(host);
  await boot('writer', [drive('rootfs', shared)]);
  const { clones } = await host.client.snapshot.restore({ snapshot: 'base', strategy: 'none' });
  t.match(clones, [{ ok: false, error: { data: { reason: 'drive-in-use', by: 'writer' } } }]);
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('a snapshot is not taken with another disk than the one that the VM has open', async (t) => {
  await boot('source', drives);
  await rename(disk, `${disk}.old`);
  await writeFile(disk, Buffer.alloc(size));
  const failure = await failureOf(host.client.snapshot.create({ vm: 'source' }));
  t.match(failure, { reason: 'file-replaced', message: /another one stands in its place/ });
  t.match(await host.client.vm.get({ vm: 'source' }), { vm: { word: 'ready' } }, 'the source goes on');
  await rename(`${disk}.old`, disk);
  const { snapshot } = await host.client.snapshot.create({ vm: 'source' });
  await host.client.snapshot.delete({ snapshot: snapshot.id });
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('clones do not start with a shared drive that is not what it was', async (t) => {
  const restore = () => host.client.snapshot.restore({ snapshot: 'base', strategy: 'none' });
  const refused = async (reason: string, message: RegExp): Promise<void> => {
    t.match(await failureOf(restore()), { reason, message, detail: { path: shared } });
  };
  await rename(shared, `${shared}.moved`);
  await refused('file-missing', /ENOENT/);
  await symlink(`${shared}.moved`, shared);
  await refused('file-replaced', /a link leads to .*moved now/);
  await unlink(shared);
  await rename(`${shared}.moved`, shared);
  only((await restore()).clones);
  await stopAll(host);
  const content = await readFile(shared);
  await writeFile(shared, Buffer.concat([content, content]));
  await refused('file-replaced', /had 4096 bytes when the snapshot was taken, and has 8192 now/);
  await writeFile(shared, content);
  await refused('file-replaced', /was written to after/);
  t.strictSame(await host.leftovers(), []);
});
