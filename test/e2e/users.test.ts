import { chmod, chown, copyFile, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { connect, type ThawClient } from '../../client/index.js';
import { FakeContainer } from '../support/container.js';
import { again, atOnce, eventually, failureOf, machine, only, stopAll } from '../support/flow.js';
import { startHost } from '../support/host.js';
import { testKernel } from '../support/kernel.js';

// Debian's: games and users, an operator and a reader.
const [operator, reader, group] = [5, 60, 100];
const host = await startHost(t, {
  env: atOnce,
  config: { socket: { group: 'users', users: [operator] }, roots: ['/tmp/thaw-roots'] },
});
await chmod(host.box.runDir, 0o711);

/** A client of another user: the kernel tells the daemon who connected. */
async function as(uid: number, gid: number): Promise<ThawClient> {
  const { setegid, seteuid } = process;
  if (!setegid || !seteuid) throw new TypeError('no POSIX');
  setegid.call(process, gid);
  seteuid.call(process, uid);
  try {
    return await connect({ socket: host.socketPath, reconnect: false });
  } finally {
    seteuid.call(process, 0);
    setegid.call(process, 0);
  }
}

t.test('who is neither root nor in the group does not get in', async (t) => {
  t.match(await failureOf(as(65534, 65534)), { reason: 'socket-forbidden' });
});

t.test('a reader reads all and changes nothing', async (t) => {
  const client = await as(reader, group);
  t.match(await client.system.info(), { peer: { uid: reader, access: 'read' } });
  t.strictSame((await client.vm.list()).vms, []);
  t.match(await client.network.check({}), { findings: [] });
  const refused = { code: 1002, detail: { reason: 'not-permitted' } };
  for (const call of [
    client.vm.boot({ config: machine() }),
    client.vm.stop({ vm: 'x' }),
    client.snapshot.restore({ snapshot: 'x' }),
    client.network.attach({ vm: 'x' }),
  ].map(failureOf)) {
    t.match(await call, refused);
  }
  await client.close();
  t.strictSame(await host.leftovers(), []);
});

t.test('a user who may change names only files beneath the roots, with no link on the way', async (t) => {
  // The daemon lives in a mount namespace of its own over the same files.
  const root = '/tmp/thaw-roots';
  await mkdir(join(root, 'inside'), { recursive: true });
  t.teardown(() => rm(root, { recursive: true }));
  await writeFile(
    join(root, 'inside/kernel'),
    Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01'), Buffer.alloc(4089)]),
  );
  await writeFile(join(root, 'inside/disk'), Buffer.alloc(4096));
  await chown(join(root, 'inside/disk'), operator, group);
  await symlink('/etc', join(root, 'etc'));
  await symlink('inside', join(root, 'around'));
  const client = await as(operator, group);
  t.match(await client.system.info(), { peer: { uid: operator, access: 'change' } });
  const boot = (kernel: string, drives: object[] = []) =>
    client.vm.boot({
      name: 'mine',
      config: { 'boot-source': { kernel_image_path: kernel }, drives } as never,
    });
  const refused = (why: RegExp) => ({ code: 1101, detail: { reason: 'path-not-allowed', why } });
  t.match(await failureOf(boot('/etc/passwd')), refused(/beneath none/));
  t.match(await failureOf(boot(join(root, '../../etc/passwd'))), refused(/beneath none/));
  t.match(await failureOf(boot(join(root, 'etc/passwd'))), refused(/symbolic link/));
  t.match(await failureOf(boot(join(root, 'around/kernel'))), refused(/symbolic link/));
  t.match(await failureOf(boot(join(root, 'inside/none'))), refused(/ENOENT/));
  const kernel = join(root, 'inside/kernel');
  const drive = (path: string) => [{ drive_id: 'd', path_on_host: path, is_root_device: false }];
  t.match(await failureOf(boot(kernel, drive('/etc/shadow'))), refused(/beneath none/));
  t.match(await failureOf(client.system.doctor({ kernelConfig: '/etc/shadow' })), refused(/beneath none/));
  t.match((await boot(kernel, drive(join(root, 'inside/disk')))).vm, { word: 'ready' });
  await client.snapshot.create({ vm: 'mine', name: 'base' });
  await client.vm.stop({ vm: 'mine' });
  only((await client.snapshot.restore({ snapshot: 'base' })).clones);
  await client.close();
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('a user who may change has clones made only for containers of their own', async (t) => {
  const become = `exec setpriv --reuid=${operator} --regid=${group} --clear-groups sh -c 'echo $$; exec sleep 1000'`;
  const [mine, roots] = [
    await FakeContainer.start(host, 'mine', become),
    await FakeContainer.start(host, 'roots'),
  ];
  const client = await as(operator, group);
  const create = ({ id, pid }: FakeContainer) => {
    const annotations = { 'dev.thaw.snapshot': 'base' };
    return client.hook.invoke({ stage: 'createRuntime', state: { id, pid, annotations } });
  };
  t.match(await failureOf(create(roots)), { reason: 'container-not-yours', detail: { uid: operator } });
  t.match(await create(mine), { outcome: 'restored', vm: { word: 'ready' } });
  await client.close();
  await Promise.all([mine.kill(), roots.kill()]);
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('a file that its owner swaps after it was judged is not used', async (t) => {
  const root = '/tmp/thaw-roots/swapped';
  const at = (name: string): string => join(root, name);
  await mkdir(root, { recursive: true });
  t.teardown(() => rm('/tmp/thaw-roots', { recursive: true }));
  for (const name of ['kernel', 'other-kernel', 'agent']) await copyFile(testKernel(), at(name));
  for (const name of ['disk', 'secret']) await writeFile(at(name), Buffer.alloc(4096));
  // Each waits between its judgement and its use.
  await again(host, { at: 'vmm.boot-source', delay: 1_500 }, { at: 'file.bytes', delay: 1_500 });
  const client = await as(operator, group);
  const boot = (name: string, kernel: string) =>
    client.vm.boot({
      name,
      config: {
        'boot-source': { kernel_image_path: at(kernel) },
        drives: name === 'd' ? [{ drive_id: 'd', path_on_host: at('disk'), is_root_device: false }] : [],
      },
    });
  const inTheMiddle = (name: string, step: string) =>
    eventually(`${step} of ${name}`, async () => {
      const { vms } = await client.vm.list();
      return vms.find((vm) => vm.name === name && vm.operation?.step === step);
    });
  const swap = async (name: string): Promise<void> => {
    await rename(at(name), at(`${name}.old`));
    await symlink(at('secret'), at(name));
  };
  await boot('running', 'other-kernel');
  const upgrading = client.agent.upgrade({ vm: 'running', file: at('agent'), path: '/opt/agent' });
  const calls = [boot('k', 'kernel'), boot('d', 'other-kernel'), upgrading].map(failureOf);
  await Promise.all([
    inTheMiddle('k', 'configure').then(() => swap('kernel')),
    inTheMiddle('d', 'configure').then(() => swap('disk')),
    inTheMiddle('running', 'upgrade').then(() => swap('agent')),
  ]);
  for (const failure of await Promise.all(calls)) t.match(failure, { reason: 'file-replaced', code: 1117 });
  await client.close();
  await again(host);
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('records, disks and logs are for root’s eyes only', async (t) => {
  only((await host.client.snapshot.restore({ snapshot: 'base', names: ['secret'] })).clones);
  const open = await host.exec(
    'find',
    host.runDir,
    host.storeDir,
    '-perm',
    '/077',
    '-not',
    '-type',
    'l',
    '-printf',
    '%P %m\n',
  );
  t.strictSame(
    open.split('\n').filter((line) => line !== '' && !/^(thawd\.sock 660|)( 711)?$/.test(line)),
    [],
  );
  t.notMatch(
    host.log.join('\n'),
    /entropy|"randomness":"[0-9a-f]{16}/,
    'and no log holds what seeds a guest',
  );
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});
