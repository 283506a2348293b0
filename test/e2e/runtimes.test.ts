import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { eventually, hostWithBase } from '../support/flow.js';
import { ensureNeeds, lacks } from '../support/needs.js';
import {
  bundle,
  hookEntry,
  pingsItsGuest,
  removeCgroups,
  runInside,
  runQuietly,
  showCgroups,
} from '../support/runtimes.js';

ensureNeeds(['runc', 'ctr']);

const { host, vmms } = await hostWithBase(t);
await showCgroups(host);
t.teardown(() => removeCgroups(host));

const vms = async () => (await host.client.vm.list()).vms;
const nothingLeft = async () => {
  await eventually('no VM', async () => ((await vms()).length === 0 ? true : undefined));
  await host.exec('sh', '-c', `rm -rf ${host.box.runDir}/bundle-* ${host.box.runDir}/runtime`);
  return host.leftovers();
};
const reason = /There is no snapshot nowhere → `thaw snapshot ls`/;

for (const name of ['runc', 'crun'] as const) {
  const skip = lacks(name);
  const runtime = [name, '--root', join(host.box.runDir, 'runtime')];
  const run = (...args: string[]) => runInside(host, ...runtime, ...args);

  t.test(
    `${name}: two containers at once have guests that answer before their processes start`,
    { skip },
    async (t) => {
      const ids = ['one', 'two'];
      const dirs = await Promise.all(ids.map((id) => bundle(host, { id, script: pingsItsGuest })));
      const ends = await Promise.all(dirs.map((dir, n) => run('run', '--bundle', dir, ids[n] ?? '')));
      for (const end of ends) t.match(end, { code: 0, said: /1 received/ });
      t.strictSame(await nothingLeft(), []);
    },
  );

  t.test(
    `${name}: a container whose clone can not be had fails with the reason, and nothing is left`,
    { skip },
    async (t) => {
      const annotations = { 'run.oci.hooks.stderr': join(host.box.runDir, 'bundle-never/said') };
      const dir = await bundle(host, { id: 'never', script: 'true', snapshot: 'nowhere', annotations });
      const end = await run('run', '--bundle', dir, 'never');
      t.not(end.code, 0);
      if (name === 'runc') t.match(end.said, reason);
      else {
        // It quotes no hook: its exit code says what kind of failure, and the text goes where an annotation says.
        t.match(end.said, /exit code: 5/);
        t.match(await host.exec('cat', join(dir, 'said')), reason);
      }
      t.match(
        host.log.findLast((line) => line.includes('a container does not get its clone')),
        /"container":"never".*snapshot-unknown/,
        'the daemon tells as well',
      );
      t.strictSame(await nothingLeft(), []);
    },
  );

  t.test(
    `${name}: a container that is killed, with its runtime: the clone goes by itself`,
    { skip },
    async (t) => {
      const dir = await bundle(host, { id: 'killed', script: 'sleep 1000' });
      t.match(await runQuietly(host, ...runtime, 'create', '--bundle', dir, 'killed'), { code: 0 });
      t.match(await run('start', 'killed'), { code: 0 });
      const state = JSON.parse((await run('state', 'killed')).said) as { pid: number };
      t.match(await vms(), [{ word: 'ready', container: { ids: ['killed'] } }]);
      await host.signal(state.pid, 'SIGKILL');
      // No poststop yet: that comes with `delete`, to whom there is nothing left to release.
      await eventually('the release', async () => ((await vms()).length === 0 ? true : undefined));
      t.match(await run('delete', 'killed'), { code: 0 });
      t.strictSame(await nothingLeft(), []);
    },
  );
}

t.test('a hook that is late is killed by its runtime: the container fails, nothing is left', async (t) => {
  vmms.fail({ at: 'load', do: 'delay', ms: 60_000 });
  const hooks = { createRuntime: [{ ...hookEntry(host, 'createRuntime'), timeout: 1 }] };
  const dir = await bundle(host, { id: 'late', script: 'true', hooks });
  const runc = ['runc', '--root', join(host.box.runDir, 'runtime')];
  t.not((await runInside(host, ...runc, 'run', '--bundle', dir, 'late')).code, 0);
  t.strictSame(await nothingLeft(), []);
  vmms.fail();
});

t.test('containerd, by ctr: two at once, and one whose clone can not be had', async (t) => {
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
  const ctr = async (id: string, snapshot: string) => {
    const dir = await bundle(host, { id, script: pingsItsGuest, snapshot });
    // With a configuration of its own, ctr takes the bundle's root relative to its own state.
    await host.exec('sed', '-i', `s#"path":"rootfs"#"path":"${dir}/rootfs"#`, join(dir, 'config.json'));
    // Beneath the box, not in the host's /run: what a killed test leaves goes with it.
    const own = ['--runc-root', `${root}/runc`, '--config', join(dir, 'config.json')];
    return runInside(host, 'ctr', '--address', socket, 'run', '--rm', ...own, id);
  };
  const asked = { third: 'base', fourth: 'base', fifth: 'nowhere' };
  const ends = await Promise.all(Object.entries(asked).map(([id, snapshot]) => ctr(id, snapshot)));
  t.match(ends, [{ code: 0, said: /1 received/ }, { code: 0, said: /1 received/ }, { said: reason }]);
  t.not(ends[2]?.code, 0);
  await eventually('no VM', async () => ((await vms()).length === 0 ? true : undefined));
  await host.exec('sh', '-c', `kill $(cat ${root}/pid)`);
  await ended;
  await host.exec('sh', '-c', `rm -f ${config}`);
  await rm(root, { recursive: true, force: true });
  t.strictSame(await nothingLeft(), []);
});
