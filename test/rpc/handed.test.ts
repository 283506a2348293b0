import { chmodSync, chownSync, closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { handedLook, type Handed } from '../../daemon/effects/handed.js';
import { proveHanded, refusal, takeHandedSockets } from '../../daemon/rpc/systemd.js';
import { cx } from './support/context.js';

const asRoot = process.getuid?.() === 0;
const dir = mkdtempSync(join(tmpdir(), 'thaw-handed-'));
t.teardown(() => rmSync(dir, { recursive: true }));

const env = (pid: string, fds: string, names?: string): NodeJS.ProcessEnv => ({
  LISTEN_PID: pid,
  LISTEN_FDS: fds,
  ...(names !== undefined && { LISTEN_FDNAMES: names }),
  PATH: '/bin',
});

t.test('sockets are known by their names, and no child takes them for its own', (t) => {
  const ours = env('7', '2', 'metrics:api');
  t.strictSame(
    [...takeHandedSockets(ours, 7)],
    [
      ['metrics', 3],
      ['api', 4],
    ],
  );
  t.strictSame(ours, { PATH: '/bin' });
  t.strictSame([...takeHandedSockets(env('7', '1'), 7)], [['api', 3]], 'one alone needs no name');
  for (const others of [env('8', '1'), env('7', '1; rm'), env('7', '0'), {}])
    t.strictSame([...takeHandedSockets(others, 7)], []);
  t.end();
});

t.test('a name that nobody knows, a missing one or one given twice is refused, saying what to do', (t) => {
  const refused = (names: string | undefined, fds: string, why: RegExp): void => {
    const handed = env('7', fds, names);
    t.throws(() => takeHandedSockets(handed, 7), {
      code: 1130,
      detail: { reason: 'handed-socket-refused', why, remedy: /systemctl cat thawd.socket/ },
    });
    t.strictSame(handed, { PATH: '/bin' });
  };
  refused('apu', '1', /FileDescriptorName is none of api, metrics/);
  refused('thawd.socket', '1', /none of/);
  refused('api:other', '2', /none of/);
  refused('api', '2', /none of/);
  refused(undefined, '2', /none of/);
  refused('api:api', '2', /two of this name/);
  t.end();
});

async function listening(
  where: { path: string } | { port: number; host: string },
): Promise<[Server, number]> {
  const server = createServer();
  t.teardown(() => server.close());
  server.listen(where);
  await once(server, 'listening');
  return [server, (Reflect.get(server, '_handle') as { fd: number }).fd];
}

t.test('what is no socket, or is open to the wrong people, is refused', { skip: !asRoot }, async (t) => {
  const path = join(dir, 'api.sock');
  const [, fd] = await listening({ path });
  chmodSync(path, 0o660);
  const prove = (more: object = {}) => proveHanded({ name: 'api', fd, group: 'nogroup', ...more }, cx);
  await prove();
  chownSync(path, 0, 65534);
  await prove();
  await t.rejects(prove({ group: 'root' }), {
    code: 1130,
    detail: { why: /belongs to group 65534 \(SocketGroup=root/ },
  });
  chownSync(path, 65534, 0);
  await t.rejects(prove(), { code: 1130, detail: { why: /belongs to user 65534 \(SocketUser=root\)/ } });
  chownSync(path, 0, 0);
  chmodSync(path, 0o666);
  await t.rejects(prove(), { code: 1130, detail: { why: /open to everybody: 666 \(SocketMode=0660\)/ } });
  await prove({ name: 'metrics' });
  rmSync(path);
  await t.rejects(prove(), { code: 1130, detail: { why: /no file, or that is gone/ } });
  const [, port] = await listening({ port: 0, host: '127.0.0.1' });
  await t.rejects(prove({ fd: port }), { code: 1130, detail: { why: /no Unix socket/ } });
  await prove({ name: 'metrics', fd: port });
  const file = openSync('/dev/null', 'r');
  for (const name of ['api', 'metrics'])
    await t.rejects(prove({ name, fd: file }), {
      code: 1130,
      detail: { why: /no stream socket that listens/ },
    });
  closeSync(file);
});

t.test('an abstract socket, which has no owner, is refused', async (t) => {
  const [, fd] = await listening({ path: `\0thaw-test-${process.pid}` });
  const found: Handed = await handedLook(fd, cx);
  t.strictSame(found, { listens: true, unix: true, file: null });
  t.match(refusal(found, { group: 'thaw', gid: 1 }), /no file/);
});
