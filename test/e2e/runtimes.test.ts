import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { eventually, hostWithBase } from '../support/flow.js';
import { ensureNeeds } from '../support/needs.js';
import { bundle, pingsItsGuest, removeCgroups, showCgroups } from '../support/runtimes.js';

ensureNeeds(['runc', 'ctr']);

const { host } = await hostWithBase(t);
await showCgroups(host);
t.teardown(() => removeCgroups(host));

interface Ended {
  readonly code: number | null;
  readonly said: string;
}

/** Runs a program inside to its end, whatever it ends with. */
function run(...command: string[]): Promise<Ended> {
  const [program, args] = host.box.inside(command);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  return once(child, 'close').then(([code]): Ended => ({ code: code as number | null, said }));
}
const runc = (...args: string[]) => run('runc', '--root', join(host.box.runDir, 'runc'), ...args);
const vms = async () => (await host.client.vm.list()).vms;
const nothingLeft = async () => {
  await eventually('no VM', async () => ((await vms()).length === 0 ? true : undefined));
  await host.exec('sh', '-c', `rm -rf ${host.box.runDir}/bundle-* ${host.box.runDir}/runc`);
  return host.leftovers();
};

t.test('runc: two containers at once have a guest that answers before their processes start', async (t) => {
  const dirs = await Promise.all(['one', 'two'].map((id) => bundle(host, { id, script: pingsItsGuest })));
  const ends = await Promise.all(dirs.map((dir, n) => runc('run', '--bundle', dir, ['one', 'two'][n] ?? '')));
  for (const end of ends) t.match(end, { code: 0, said: /1 received/ });
  t.strictSame(await nothingLeft(), []);
});

t.test(
  'runc: a container whose clone can not be had fails with the reason, and nothing is left',
  async (t) => {
    const dir = await bundle(host, { id: 'never', script: 'true', snapshot: 'nowhere' });
    const end = await runc('run', '--bundle', dir, 'never');
    t.not(end.code, 0);
    t.match(end.said, /nowhere.*→/s);
    t.strictSame(await nothingLeft(), []);
  },
);

t.test('runc: a container that is killed, with its runtime: the clone goes by itself', async (t) => {
  const dir = await bundle(host, { id: 'killed', script: 'sleep 1000' });
  // The container keeps what it was started with, so that a pipe would not end.
  const quiet = ['sh', '-c', '"$@" > /dev/null 2>&1', 'sh', 'runc', '--root', join(host.box.runDir, 'runc')];
  t.match(await run(...quiet, 'create', '--bundle', dir, 'killed'), { code: 0 });
  t.match(await runc('start', 'killed'), { code: 0 });
  const state = JSON.parse((await runc('state', 'killed')).said) as { pid: number };
  t.match(await vms(), [{ word: 'ready', container: { ids: ['killed'] } }]);
  await host.signal(state.pid, 'SIGKILL');
  // No poststop yet: that comes with `runc delete`, to whom there is nothing left to release.
  await eventually('the release', async () => ((await vms()).length === 0 ? true : undefined));
  t.match(await runc('delete', 'killed'), { code: 0 });
  t.strictSame(await nothingLeft(), []);
});

t.test(
  'runc: the daemon is killed while a container is created: it fails, and nothing is left',
  async (t) => {
    const dir = await bundle(host, { id: 'orphan', script: 'true' });
    await host.kill('SIGTERM');
    await host.start({ THAW_FAULTS: JSON.stringify([{ at: 'vmm.load', when: 'after', kill: true }]) });
    const ended = host.ended();
    const end = await runc('run', '--bundle', dir, 'orphan');
    t.not(end.code, 0);
    await ended;
    await host.start();
    await runc('delete', '--force', 'orphan');
    t.strictSame(await nothingLeft(), []);
  },
);

t.test('containerd: the same by ctr', async (t) => {
  const root = join(host.box.runDir, 'ctr');
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const socket = join(root, 'c.sock');
  const config = join(host.box.runDir, 'containerd.toml');
  await host.exec(
    'sh',
    '-c',
    `mkdir -p ${root} && printf 'version = 2\\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\\n' > ${config}`,
  );
  // Its number inside: what is started from here is only nsenter.
  const start = `echo $$ > ${root}/pid; exec containerd --config ${config} --root ${root}/lib --state ${root}/run --address ${socket}`;
  const [program, args] = host.box.inside(['sh', '-c', start]);
  const daemon = spawn(program, args, { stdio: 'ignore' });
  const ended = once(daemon, 'exit');
  await eventually('containerd', () => (existsSync(socket) ? true : undefined));
  const dir = await bundle(host, { id: 'third', script: pingsItsGuest });
  // With a configuration of its own, ctr takes the bundle's root relative to its own state.
  await host.exec('sed', '-i', `s#"path":"rootfs"#"path":"${dir}/rootfs"#`, join(dir, 'config.json'));
  // Beneath the box, not in the host's /run: what a killed test leaves goes with it.
  const own = ['--runc-root', `${root}/runc`, '--config', join(dir, 'config.json')];
  const end = await run('ctr', '--address', socket, 'run', '--rm', ...own, 'third');
  t.match(end, { code: 0, said: /1 received/ });
  await eventually('no VM', async () => ((await vms()).length === 0 ? true : undefined));
  await host.exec('sh', '-c', `kill $(cat ${root}/pid)`);
  await ended;
  await host.exec('sh', '-c', `rm -f ${config}`);
  await rm(root, { recursive: true, force: true });
  t.strictSame(await nothingLeft(), []);
});
