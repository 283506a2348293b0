import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { lockTake } from '../../daemon/effects/lock.js';
import { listen } from '../../daemon/rpc/listen.js';
import { cx } from './support/context.js';
import { startHost, Wire } from './support/host.js';

const child = fileURLToPath(new URL('./support/daemon.js', import.meta.url));
const asRoot = process.getuid?.() === 0;

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'thaw-listen-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return dir;
}

void t.test('the socket of a daemon that was killed is taken over', async (t) => {
  const dir = folder(t);
  const daemon = spawn(process.execPath, [child, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(daemon.stdout, 'data');
  daemon.kill('SIGKILL');
  await once(daemon, 'exit');
  const path = join(dir, 'thawd.sock');
  t.ok(existsSync(path), 'it left its socket behind');
  const lock = await lockTake(join(dir, 'thawd.lock'), cx);
  const listener = await listen({ path, lock }, cx);
  listener.accept(10, (socket) => socket.end('new\n'));
  const wire = await Wire.open(t, path);
  t.equal(await once(wire.socket, 'end').then(() => 'answered'), 'answered');
  listener.close();
  lock.close();
  t.notOk(existsSync(path), 'and removed when it is closed');
});

void t.test('a second daemon is refused, and the first one is not disturbed', async (t) => {
  const { dir, path } = await startHost(t);
  await t.rejects(lockTake(join(dir, 'thawd.lock'), cx), {
    code: 1104,
    detail: { reason: 'another-daemon', dir },
  });
  const elsewhere = await lockTake(join(folder(t), 'thawd.lock'), cx);
  await t.rejects(listen({ path, lock: elsewhere }, cx), { code: 1104 }, 'nor with a lock of its own');
  elsewhere.close();
  const wire = await Wire.open(t, path);
  wire.request(1, 'system.health');
  t.match(await wire.next(), { id: 1, result: { status: 'ok' } });
});

void t.test('the lock is free again once it is closed', async (t) => {
  const path = join(folder(t), 'thawd.lock');
  (await lockTake(path, cx)).close();
  const again = await lockTake(path, cx);
  t.equal(statSync(path).mode & 0o777, 0o600);
  again.close();
});

void t.test('a file that is no socket is never removed', async (t) => {
  const dir = folder(t);
  const path = join(dir, 'thawd.sock');
  writeFileSync(path, 'precious');
  const lock = await lockTake(join(dir, 'thawd.lock'), cx);
  await t.rejects(listen({ path, lock }, cx), { code: 1106, message: /no socket failed: EEXIST/ });
  t.ok(existsSync(path));
  lock.close();
});

void t.test('a path the kernel would cut off, or a folder that is missing, is refused plainly', async (t) => {
  const dir = folder(t);
  const lock = await lockTake(join(dir, 'thawd.lock'), cx);
  const long = join(dir, 'ä'.repeat(50));
  await t.rejects(listen({ path: long, lock }, cx), { code: 1109, detail: { path: long } });
  await t.rejects(listen({ path: join(dir, 'no', 'such'), lock }, cx), {
    code: 1106,
    detail: { errno: /ENOENT|EACCES/ },
  });
  lock.close();
});

void t.test('only owner and group may connect, from the first moment', { skip: !asRoot }, async (t) => {
  const dir = folder(t);
  const path = join(dir, 'thawd.sock');
  const lock = await lockTake(join(dir, 'thawd.lock'), cx);
  const mask = process.umask(0o022);
  const modes: number[] = [];
  const watching = {
    ...cx,
    probe: {
      ...cx.probe,
      edge: (name: string, edge: string) => {
        if (name === 'socket.listen' && edge === 'after') modes.push(statSync(path).mode & 0o777);
      },
    },
  };
  const listener = await listen({ path, lock, group: 'nogroup' }, watching);
  t.strictSame(modes, [0o660]);
  t.match(statSync(path), { uid: 0, gid: 65534 });
  t.equal(process.umask(mask), 0o022, 'and the mask is what it was');
  listener.close();
  const nobody = await listen({ path, lock, group: 'no-such-group' }, cx);
  t.match(
    statSync(path),
    { uid: 0, gid: process.getgid?.() },
    'a group that does not exist opens it to nobody',
  );
  nobody.close();
  lock.close();
});

void t.test('a socket handed over is served, and its file is left to systemd', async (t) => {
  const dir = folder(t);
  const [path, kept] = [join(dir, 'handed.sock'), join(dir, 'kept.sock')];
  const owner = createServer();
  owner.listen(path);
  await once(owner, 'listening');
  const { fd } = Reflect.get(owner, '_handle') as { fd: number };
  const daemon = spawn(process.execPath, [child, '--handed'], { stdio: ['ignore', 'pipe', 2, fd] });
  if (daemon.stdout) await once(daemon.stdout, 'data');
  // Closing would remove the file; renamed it stays, and only the daemon listens there.
  renameSync(path, kept);
  owner.close();
  const wire = await Wire.open(t, kept);
  wire.request(1, 'system.info');
  t.match(await wire.next(), { result: { pid: daemon.pid } });
  daemon.kill('SIGTERM');
  t.strictSame(await once(daemon, 'exit'), [0, null]);
  t.ok(existsSync(kept));
});

void t.test(
  'a user of the group may read and not change; others may not even connect',
  { skip: !asRoot },
  async (t) => {
    const host = await startHost(
      t,
      { accessOf: ({ uid }) => (uid === 0 ? 'change' : uid === 65533 ? null : 'read') },
      'nogroup',
    );
    chmodSync(host.dir, 0o755);
    const script = `
    const socket = require('node:net').connect(${JSON.stringify(host.path)});
    const call = (id, method, params) => socket.write(JSON.stringify({ jsonrpc: '2.0', id, method, params }) + '\\n');
    socket.on('error', (error) => console.log(JSON.stringify({ error: { message: error.code } })));
    call(1, 'system.info'); call(2, 'vm.stop', { vm: 'x' }); socket.end();
    socket.pipe(process.stdout);`;
    const ask = async (uid: number, gid: number): Promise<unknown[]> => {
      const user = ['--reuid', String(uid), '--regid', String(gid), '--clear-groups', '--'];
      const run = spawn('setpriv', [...user, process.execPath, '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
        cwd: '/',
      });
      let text = '';
      for await (const chunk of run.stdout) text += String(chunk);
      return text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
    };
    t.match(await ask(65534, 65534), [
      { id: 1, result: { peer: { uid: 65534, access: 'read' } } },
      { id: 2, error: { code: 1002, data: { reason: 'not-permitted', method: 'vm.stop', uid: 65534 } } },
    ]);
    t.match(await ask(65533, 65534), [
      { id: null, error: { code: 1007, data: { reason: 'no-access', uid: 65533 } } },
    ]);
    t.match(await ask(65534, 4242), [{ error: { message: 'EACCES' } }]);
    t.match(await ask(0, 0), [
      { id: 1, result: { peer: { uid: 0, access: 'change' } } },
      { id: 2, error: { code: 2001 } },
    ]);
  },
);

void t.test('without a descriptor to spare a connection is lost, not the daemon', async (t) => {
  const dir = folder(t);
  const run = spawn(process.execPath, [child, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(run.stdout, 'data');
  await once(spawn('prlimit', ['--pid', String(run.pid), '--nofile=40:40']), 'exit');
  const wires = await Promise.all(Array.from({ length: 80 }, () => Wire.open(t, join(dir, 'thawd.sock'))));
  for (const wire of wires) wire.socket.destroy();
  const wire = await Wire.open(t, join(dir, 'thawd.sock'));
  wire.request(1, 'system.health');
  t.match(await wire.next(), { id: 1, result: { status: 'ok' } });
  run.kill('SIGTERM');
  t.strictSame(await once(run, 'exit'), [0, null]);
});
