import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { hookPath } from '../support/container.js';
import { eventually, hostWithBase } from '../support/flow.js';
import { ensureNeeds, lacks } from '../support/needs.js';
import { projectDir } from '../support/paths.js';
import {
  hookEntry,
  hostsOwn,
  pingsItsGuest,
  removeCgroups,
  runInside,
  showCgroups,
} from '../support/runtimes.js';

// A real podman with the project's own hooks.d, without images; what it keeps lies beneath the box.

ensureNeeds(['runc', 'host-local']);
const missing = lacks('podman') || lacks('crun');
if (missing) {
  t.plan(0, missing);
  process.exit();
}

const { host } = await hostWithBase(t);
await showCgroups(host);
t.teardown(() => removeCgroups(host));
const at = (...path: readonly string[]) => join(host.box.runDir, 'podman', ...path);

for (const dir of ['rootfs', ...hostsOwn.map((path) => `rootfs${path}`), 'hooks.d', 'net'])
  await mkdir(at(dir), { recursive: true });
// As in the package, but for where the program lies and which daemon it asks.
for (const file of await readdir(join(projectDir, 'systemd/hooks.d'))) {
  const text = await readFile(join(projectDir, 'systemd/hooks.d', file), 'utf8');
  const { hook, ...rest } = JSON.parse(text.replace('/usr/lib/thaw/thaw-oci-hook.cjs', hookPath)) as {
    hook: object;
  };
  const { env } = hookEntry(host, 'createRuntime');
  await writeFile(at('hooks.d', file), JSON.stringify({ ...rest, hook: { ...hook, env } }));
}
await writeFile(at('containers.conf'), '[engine]\nlock_type = "file"\n');
// What podman, crun and CNI's plugins keep there, whatever options say.
await host.exec('sh', '-c', 'mount -t tmpfs none /run && mount -t tmpfs none /var/lib');

const options = [
  ...['--root', at('lib'), '--runroot', at('run'), '--tmpdir', at('tmp'), '--network-config-dir', at('net')],
  ...['--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs', '--events-backend', 'none'],
  ...['--hooks-dir', at('hooks.d')],
];
const podman = (...args: readonly string[]) =>
  runInside(host, 'env', `CONTAINERS_CONF=${at('containers.conf')}`, 'podman', ...options, ...args);
/** A container without image whose process runs a script. */
const runs = (script: string, annotations: Readonly<Record<string, string>>): readonly string[] => [
  ...['--cgroup-parent', '/thaw-test', '--cap-add', 'NET_RAW'],
  ...Object.entries(annotations).flatMap(([name, value]) => ['--annotation', `dev.thaw.${name}=${value}`]),
  ...hostsOwn.flatMap((path) => ['--volume', `${path}:${path}:ro`]),
  ...['--rootfs', at('rootfs'), '/bin/sh', '-c', script],
];
const isolated = ['--network', 'none'];
const vms = async () => (await host.client.vm.list()).vms;
const noVm = () => eventually('no VM', async () => (await vms()).length === 0 || undefined);

t.test('two containers at once have guests that answer before their processes start', async (t) => {
  const one = () => podman('run', '--rm', ...isolated, ...runs(pingsItsGuest, { snapshot: 'base' }));
  for (const end of await Promise.all([one(), one()])) t.match(end, { code: 0, said: /1 received/ });
  await noVm();
});

t.test(
  'a container whose clone can not be had fails with the reason, or where that is to be found',
  async (t) => {
    const failing = (runtime: string) =>
      podman('--runtime', runtime, 'run', '--rm', ...isolated, ...runs('true', { snapshot: 'nowhere' }));
    const [runc, crun] = [await failing('runc'), await failing('crun')];
    t.match(runc, { code: 126, said: /There is no snapshot nowhere → `thaw snapshot ls`/ });
    t.match(crun, { code: 126, said: /exit code: 5/ }, 'crun says the exit code alone');
    t.match((await podman('ps', '--all', '--quiet')).said, '', 'no container is left');
    t.strictSame(await vms(), []);
  },
);

t.test('containers of one namespace share a clone; there nothing can be taken over', async (t) => {
  const first = await podman('run', '--detach', ...isolated, ...runs('sleep 1000', { snapshot: 'base' }));
  t.equal(first.code, 0, first.said);
  const id = first.said.trim();
  const beside = ['--network', `container:${id}`];
  t.match(await podman('run', '--rm', ...beside, ...runs(pingsItsGuest, { snapshot: 'base' })), {
    code: 0,
    said: /1 received/,
  });
  t.match(await vms(), [{ word: 'ready', container: { ids: [id] } }], 'it stays for the other one');
  const over = runs('true', { snapshot: 'base', network: 'takeover' });
  t.match(await podman('--runtime', 'runc', 'run', '--rm', ...beside, ...over), {
    code: 126,
    said: /has the clone .* already/,
  });
  t.match(await podman('rm', '--force', '--time', '0', id), { code: 0 });
  await noVm();
});

/** A container on podman's own network, whose place a guest has taken. */
async function takenOver(): Promise<{
  id: string;
  address: string;
  about: (what: string) => Promise<string>;
}> {
  const wish = { snapshot: 'base', network: 'takeover', grace: '200ms' };
  const started = await podman('run', '--detach', ...runs('sleep 1000', wish));
  const id = started.said.trim();
  const about = async (what: string) => (await podman('inspect', '--format', `{{.${what}}}`, id)).said.trim();
  return { id, address: await about('NetworkSettings.IPAddress'), about };
}

t.test("takeover: the guest answers in the place of a container of podman's own network", async (t) => {
  const { id, address } = await takenOver();
  t.match(await vms(), [{ attachments: [{ addresses: [new RegExp(`^${address}/`)] }] }]);
  t.ok(await host.ping(address));
  t.match(await podman('kill', id), { code: 0 });
  await noVm();
  t.match(await podman('rm', '--force', id), { code: 0 });
});

t.test('takeover: killed without poststop, the container gives its network back in order', async (t) => {
  const { id, address, about } = await takenOver();
  const [space, pid, conmon] = [
    await about('NetworkSettings.SandboxKey'),
    await about('State.Pid'),
    await about('State.ConmonPid'),
  ];
  // Conmon first: it would have poststop called.
  await host.signal(Number(conmon), 'SIGKILL');
  await host.signal(Number(pid), 'SIGKILL');
  await noVm();
  // Podman's namespace outlives the container's processes.
  const inside = await host.exec('nsenter', `--net=${space}`, 'ip', '-oneline', '-4', 'address');
  t.match(inside, `inet ${address}/`, 'the address is there again');
  t.notMatch(await host.exec('nsenter', `--net=${space}`, 'ip', 'link'), /th[0-9a-z]{10}0/, 'and no tap');
  t.match(await podman('rm', '--force', '--time', '0', id), { code: 0 });
});

t.test('nothing is left', async (t) => {
  await host.exec('sh', '-c', `umount --recursive /run /var/lib; rm -rf ${at()}`);
  t.strictSame(await host.leftovers(), []);
});
