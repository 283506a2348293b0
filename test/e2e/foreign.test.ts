import { execFile } from 'node:child_process';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import t from 'tap';
import { atOnce, eventually, failureOf, machine } from '../support/flow.js';
import { startHost, type Host } from '../support/host.js';
import { bin } from '../support/paths.js';

const host = await startHost(t, { env: atOnce });
const layouts = {
  'in-vms-sock': 'vms/in-vms-sock/sock/fc.sock',
  'in-vms': 'vms/in-vms/fc.sock',
  'in-root': 'in-root/firecracker.sock',
  'in-root-sock': 'in-root-sock/sock/fc.sock',
};
const names = async () => (await host.client.vm.list()).vms.map((vm) => vm.name).sort();
const listed = (wanted: readonly string[]) =>
  eventually(`the VMs ${wanted.join(', ')}`, async () => {
    const found = await names();
    return found.join() === [...wanted].sort().join() ? true : undefined;
  });

/** Starts a Firecracker as somebody else would; ends it. */
async function foreigner(host: Host, path: string): Promise<() => Promise<void>> {
  const socket = join(host.runDir, path);
  await mkdir(dirname(socket), { recursive: true });
  // Signals of this side do not pass into the box: it ends with its shell's standard input.
  const script = '"$1" --api-sock "$2" --id other > /dev/null 2>&1 & read -r line; kill $!; wait';
  const [program, args] = host.box.inside(['sh', '-c', script, 'sh', bin('firecracker'), socket]);
  const child = execFile(program, args);
  const ended = new Promise((resolve) => child.once('close', resolve));
  return async () => {
    child.stdin?.end();
    await ended;
  };
}

t.test('VMs of others show up in every layout, are never touched, and go when they end', async (t) => {
  const ends = await Promise.all(Object.values(layouts).map((path) => foreigner(host, path)));
  await listed(Object.keys(layouts));
  for (const vm of (await host.client.vm.list()).vms) {
    t.match(vm, {
      word: 'foreign',
      origin: 'foreign',
      process: { is: 'alive' },
      vmmVersion: /^1\./,
      attachments: [],
    });
  }
  const foreign = { code: 2004, detail: { reason: 'vm-foreign', retryable: false } };
  for (const call of [
    host.client.vm.stop({ vm: 'in-root' }),
    host.client.vm.pause({ vm: 'in-root' }),
    host.client.snapshot.create({ vm: 'in-root' }),
    host.client.network.attach({ vm: 'in-root' }),
  ]) {
    t.match(await failureOf(call), foreign);
  }
  await host.restart();
  t.strictSame(await names(), Object.keys(layouts).sort(), 'the next daemon sees them as it starts');
  for (const end of ends) await end();
  await listed([]);
  for (const name of Object.keys(layouts)) {
    await host.exec('rm', '-r', join(host.runDir, name.startsWith('in-vms') ? 'vms' : '', name));
  }
  t.strictSame(await host.leftovers(), []);
});

t.test(
  'stale sockets, FIFOs, links, files and sockets of other programs are no VMs, and hold nothing up',
  async (t) => {
    const end = await foreigner(host, 'real/fc.sock');
    await listed(['real']);
    const at = (path: string) => join(host.runDir, path);
    for (const dir of ['stale', 'fifo', 'file', 'silent', 'web', 'empty', 'vms/deep/sock'])
      await mkdir(at(dir), { recursive: true });
    await host.exec('mkfifo', at('fifo/fc.sock'), at('fifo/metrics.json'));
    await writeFile(at('file/fc.sock'), 'no socket');
    await symlink(at('real'), at('linked'));
    await mkdir(at('linking'));
    await symlink(at('real/fc.sock'), at('linking/fc.sock'));
    const silent = createServer((socket) => socket.resume()).listen(at('silent/fc.sock'));
    const web = createServer((socket) =>
      socket.resume().end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'),
    ).listen(at('web/fc.sock'));
    t.teardown(() => (silent.close(), web.close()));
    // A probe that comes before it is stale must not be held: its closing would wait for that for ever.
    const stale = createServer((socket) => socket.destroy()).listen(at('stale/sock.tmp'));
    await eventually('the socket', () => (stale.listening ? true : undefined));
    await host.exec('mv', at('stale/sock.tmp'), at('stale/fc.sock'));
    await new Promise((resolve) => stale.close(resolve));
    await host.restart();
    t.strictSame(await names(), ['real']);
    t.match(await host.client.system.health(), { status: 'ok' });
    await end();
    await listed([]);
    await Promise.all([silent, web].map((server) => new Promise((resolve) => server.close(resolve))));
    for (const dir of [
      'stale',
      'fifo',
      'file',
      'silent',
      'web',
      'empty',
      'real',
      'linked',
      'linking',
      'vms/deep',
    ]) {
      await rm(at(dir), { recursive: true, force: true });
    }
    t.strictSame(await host.leftovers(), []);
  },
);

t.test('a live socket beside a stale one is found', async (t) => {
  await mkdir(join(host.runDir, 'two/sock'), { recursive: true });
  const other = createServer((socket) => socket.resume()).listen(join(host.runDir, 'two/sock/fc.sock'));
  await eventually('the socket', () => (other.listening ? true : undefined));
  const end = await foreigner(host, 'two/fc.sock');
  await listed(['two']);
  await end();
  await new Promise((resolve) => other.close(resolve));
  await rm(join(host.runDir, 'two'), { recursive: true });
  await listed([]);
  t.strictSame(await host.leftovers(), []);
});

t.test('a folder that goes and comes again is seen anew', async (t) => {
  for (const round of [1, 2]) {
    const end = await foreigner(host, 'again/fc.sock');
    await listed(['again']);
    await end();
    await rm(join(host.runDir, 'again'), { recursive: true });
    await listed([]);
    t.pass(`round ${round}`);
  }
  t.strictSame(await host.leftovers(), []);
});

t.test('nobody takes one of our VMs from us by naming a folder like it', async (t) => {
  await host.client.vm.boot({ name: 'source', config: machine() });
  const end = await foreigner(host, 'source/fc.sock');
  await listed(['source', 'source']);
  t.match((await host.client.vm.get({ vm: 'source' })).vm, { origin: 'booted' });
  await host.client.vm.stop({ vm: 'source' });
  t.match((await host.client.vm.get({ vm: 'source' })).vm, { origin: 'foreign' });
  await end();
  await rm(join(host.runDir, 'source'), { recursive: true });
  await listed([]);
  t.strictSame(await host.leftovers(), []);
});
