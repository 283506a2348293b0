import { execFile } from 'node:child_process';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t from 'tap';
import { atOnce, eventually, failureOf, machine, only, pidOf } from '../support/flow.js';
import { startHost } from '../support/host.js';
import { testKernel } from '../support/kernel.js';
import { bin } from '../support/paths.js';

const host = await startHost(t, { env: atOnce, config: { health: { intervalSeconds: 1 } } });
const names = async () => (await host.client.vm.list()).vms.map((vm) => vm.name).sort();
const get = async (vm: string) => (await host.client.vm.get({ vm })).vm;
const records = async () => (await readdir(join(host.runDir, 'records'))).length;

interface Foreigner {
  readonly dir: string;
  /** Its process, by the number that thawd knows it by. */
  readonly pid: () => Promise<number>;
  /** Ends it and takes its folder away. */
  readonly end: () => Promise<void>;
}

/** A Firecracker that somebody else has booted, in a folder of the run directory. */
async function foreigner(
  name: string,
  more: { vsock?: boolean; program?: readonly string[] } = {},
): Promise<Foreigner> {
  const dir = join(host.runDir, name);
  const socket = join(dir, 'sock/fc.sock');
  await mkdir(dirname(socket), { recursive: true });
  const config = join(dir, 'vm.json');
  const text = {
    'boot-source': { kernel_image_path: testKernel(), boot_args: 'console=ttyS0' },
    drives: [],
    'machine-config': { vcpu_count: 1, mem_size_mib: 128 },
    ...(more.vsock !== false && { vsock: { guest_cid: 3, uds_path: join(dir, 'v.sock') } }),
  };
  await writeFile(config, JSON.stringify(text));
  // Signals of this side do not pass into the box: it ends with its shell's standard input.
  const script = 'cd "$1"; shift; "$@" > /dev/null 2>&1 & echo $! > "$0.pid"; read -r line; kill -9 $!; wait';
  const firecracker = [
    bin('firecracker'),
    '--api-sock',
    socket,
    '--id',
    'other',
    '--enable-pci',
    '--config-file',
    config,
  ];
  const [program, args] = host.box.inside([
    'sh',
    '-c',
    script,
    config,
    dir,
    ...(more.program ?? []),
    ...firecracker,
  ]);
  const child = execFile(program, args, { env: { ...process.env, ...atOnce } });
  const ended = new Promise((resolve) => child.once('close', resolve));
  await eventually(`the VM ${name}`, async () => ((await names()).includes(name) ? true : undefined));
  return {
    dir,
    pid: async () => Number(await host.exec('cat', `${config}.pid`)),
    end: async () => {
      child.stdin?.end();
      await ended;
      await rm(dir, { recursive: true });
      await eventually('it to be gone', async () => ((await names()).includes(name) ? undefined : true));
    },
  };
}

t.test(
  'an adopted VM is given a NIC, snapshotted and stopped like any other, also by the next daemon',
  async (t) => {
    const other = await foreigner('theirs');
    const { vm } = await host.client.vm.adopt({ vm: 'theirs', labels: { by: 'test' } });
    t.match(vm, {
      name: 'theirs',
      origin: 'adopted',
      word: 'ready',
      dir: other.dir,
      process: { is: 'alive', pid: await other.pid() },
      power: { is: 'running' },
      labels: { by: 'test' },
    });
    t.strictSame(await names(), ['theirs'], 'once, not as foreign too');
    t.match((await host.client.system.health()).room, { vms: { used: 1 }, memoryMib: { used: 128 } });
    t.match(await failureOf(host.client.snapshot.create({ vm: 'theirs', name: 'unproven' })), {
      reason: 'fitness-unknown',
    });
    const { snapshot } = await host.client.snapshot.create({ vm: 'theirs', name: 'proven', verify: true });
    t.match(snapshot, { source: { origin: 'adopted' }, hotAttach: { is: 'yes' } });
    await host.restart('SIGKILL');
    t.match(await get('theirs'), { id: vm.id, origin: 'adopted', word: 'ready', dir: other.dir });
    const { attachment } = await host.client.network.attach({ vm: 'theirs' });
    t.ok(await host.ping(attachment.addresses[0]?.split('/')[0] ?? '?'));
    await host.restart();
    t.match(await host.client.system.reconcile({}), { findings: [] });
    const { clones } = await host.client.snapshot.restore({ snapshot: 'proven' });
    t.equal(only(clones).word, 'ready');
    await host.client.vm.stop({ vm: only(clones).name });
    await host.client.vm.stop({ vm: 'theirs' });
    t.strictSame(await names(), []);
    await other.end();
    await host.client.snapshot.delete({ snapshot: 'proven' });
    t.strictSame(await host.leftovers(), []);
  },
);

t.test('what is released is as it was: the same process, its files, and nothing of ours', async (t) => {
  const other = await foreigner('lent');
  const files = await readdir(other.dir);
  await host.client.vm.adopt({ vm: 'lent', name: 'ours-for-now' });
  t.strictSame(await names(), ['ours-for-now']);
  t.match(await failureOf(host.client.vm.adopt({ vm: 'ours-for-now' })), { reason: 'vm-ours' });
  await host.client.agent.ping({ vm: 'ours-for-now' });
  await host.client.vm.release({ vm: 'ours-for-now' });
  t.match(await get('lent'), { origin: 'foreign', word: 'foreign', power: { is: 'running' } });
  t.strictSame(await names(), ['lent']);
  t.strictSame(await readdir(other.dir), files);
  t.equal(await records(), 0);
  await host.restart();
  t.strictSame(await names(), ['lent']);
  t.match(await host.exec('cat', `/proc/${await other.pid()}/comm`), /./, 'it lives');
  await host.client.vm.adopt({ vm: 'lent' });
  await host.client.network.attach({ vm: 'lent' });
  t.match(await failureOf(host.client.vm.release({ vm: 'lent' })), {
    reason: 'holds-nics',
    detail: { nics: ['eth0'] },
  });
  await other.end();
  t.strictSame(await host.leftovers(), []);
});

t.test('an adopted VM that ends by itself is freed, and how it ended is not made up', async (t) => {
  const other = await foreigner('dying');
  const { vm } = await host.client.vm.adopt({ vm: 'dying' });
  await host.client.network.attach({ vm: 'dying' });
  const told = (async () => {
    for await (const item of host.client.events())
      if (item.kind === 'event' && item.event.type === 'vm.stopped') return item.event;
    return null;
  })();
  await host.signal(pidOf(vm), 'SIGKILL');
  t.match(await told, { vm: vm.id, detail: { exit: { code: null, signal: null } } });
  await eventually('it to be gone', async () => ((await names()).length === 0 ? true : undefined));
  await other.end();
  t.strictSame(await host.leftovers(), []);
});

t.test(
  'one that is stopped while the daemon is away is taken up again, degraded, and not ended',
  async (t) => {
    const other = await foreigner('stopped');
    await host.client.vm.adopt({ vm: 'stopped' });
    await host.kill('SIGTERM');
    await host.signal(await other.pid(), 'SIGSTOP');
    await host.start();
    t.match(await get('stopped'), { word: 'degraded', readiness: { reason: 'api-silent' } });
    await host.signal(await other.pid(), 'SIGCONT');
    await eventually('it to be well', async () =>
      (await get('stopped')).word === 'ready' ? true : undefined,
    );
    await host.client.vm.release({ vm: 'stopped' });
    await other.end();
    t.strictSame(await host.leftovers(), []);
  },
);

t.test('who can’t be taken is refused, and left as it was', async (t) => {
  await host.client.vm.boot({ name: 'own', config: machine() });
  t.match(await failureOf(host.client.vm.adopt({ vm: 'own' })), { reason: 'vm-ours' });
  t.match(await failureOf(host.client.vm.adopt({ vm: 'nobody' })), { reason: 'vm-unknown' });
  t.match(await failureOf(host.client.vm.release({ vm: 'own' })), { reason: 'not-adopted' });
  const mute = await foreigner('mute', { vsock: false });
  t.match(await failureOf(host.client.vm.release({ vm: 'mute' })), { reason: 'vm-foreign' });
  t.match(await failureOf(host.client.vm.adopt({ vm: 'mute', name: 'own' })), { reason: 'name-taken' });
  const apart = await foreigner('apart', { program: ['unshare', '--net'] });
  t.match(await failureOf(host.client.vm.adopt({ vm: 'apart' })), {
    reason: 'not-adoptable',
    message: /network namespace/,
  });
  const frozen = await foreigner('frozen');
  await host.signal(await frozen.pid(), 'SIGSTOP');
  t.match(await failureOf(host.client.vm.adopt({ vm: 'frozen' })), { reason: 'vmm-silent' });
  await host.signal(await frozen.pid(), 'SIGCONT');
  t.strictSame(await names(), ['apart', 'frozen', 'mute', 'own']);
  t.equal(await records(), 1, 'the own one’s');
  const both = await Promise.allSettled(
    ['one', 'two'].map((name) => host.client.vm.adopt({ vm: 'mute', name, agent: null })),
  );
  t.strictSame(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  t.strictSame((await names()).filter((name) => name === 'mute').length, 0);
  for (const one of [mute, apart, frozen]) await one.end();
  await host.client.vm.stop({ vm: 'own' });
  t.strictSame(await host.leftovers(), []);
});

t.test(
  'an adoption that fails at its record, or whose daemon dies there, leaves the VM whole on one side',
  async (t) => {
    const other = await foreigner('torn');
    const adopt = () => host.client.vm.adopt({ vm: 'torn' });
    for (const when of ['before', 'after'] as const) {
      await host.kill('SIGTERM');
      await host.start({ THAW_FAULTS: JSON.stringify([{ at: 'record.write', when, fail: 'ENOSPC' }]) });
      await t.rejects(adopt());
      t.match(await get('torn'), { origin: 'foreign' });
      t.equal(await records(), 0);
      await host.kill('SIGTERM');
      await host.start({ THAW_FAULTS: JSON.stringify([{ at: 'record.write', when, kill: true }]) });
      const dying = adopt().catch(() => undefined);
      await host.ended();
      await host.client.close();
      await dying;
      await host.start();
      t.equal((await get('torn')).origin, when === 'before' ? 'foreign' : 'adopted');
    }
    await host.client.vm.release({ vm: 'torn' });
    await other.end();
    t.strictSame(await host.leftovers(), []);
  },
);
