import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { ThawError } from '../../client/index.js';
import { startHost, type Host } from '../support/host.js';
import { ensureNeeds } from '../support/needs.js';
import { holds } from './netns.js';
import { addressOf, clonesOf, inGuest, machine, pingFrom, reasonsOf, type VmView } from './network.js';

ensureNeeds(['host-local', 'iptables']);

const path = ['/usr/lib/cni'];

/** A configuration list as an engine has it: a bridge of its own, addresses of its own. */
const list = (dir: string, more: readonly object[] = []) => ({
  // The CHECK of portmap 1.1 misses IPv6 rules that it never made.
  disableCheck: more.some((plugin) => 'type' in plugin && plugin.type === 'portmap'),
  cniVersion: '1.0.0',
  name: 'engine',
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      mtu: 1400,
      capabilities: { mac: true, ips: true },
      ipam: {
        type: 'host-local',
        dataDir: join(dir, 'ipam'),
        ranges: [[{ subnet: '10.77.0.0/24' }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
      dns: { nameservers: ['10.77.0.1'] },
    },
    ...more,
  ],
});

/** A daemon that knows a network of CNI's, and a snapshot without a NIC. */
async function cniHost(t: Parameters<typeof startHost>[0], more: readonly object[] = []) {
  const dir = await mkdtemp(join(tmpdir(), 'thaw-cni-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const file = join(dir, 'engine.conflist');
  const faults = join(dir, 'faults.json');
  await writeFile(file, JSON.stringify(list(dir, more)));
  await writeFile(faults, '[]');
  const host = await startHost(t, {
    config: { cni: { path: [dir, ...path], networks: { engine: { list: file } } }, netns: { pool: 0 } },
    env: { THAW_FAULTS: `@${faults}` },
  });
  await host.client.vm.boot({ name: 'source', config: machine });
  await host.client.snapshot.create({ vm: 'source', name: 'base' });
  await host.client.vm.stop({ vm: 'source' });
  const set = (list: unknown) => writeFile(faults, JSON.stringify(list));
  return { host, dir, set };
}

const restore = (host: Host, more: object = {}) =>
  host.client.snapshot.restore({ snapshot: 'base', nics: [{ network: 'engine' }], ...more });

/** What the plugins have left: interfaces in their bridge, addresses that are given, our own cache. */
async function left(host: Host, dir: string): Promise<readonly string[]> {
  const ports = await host.exec('ip', '-brief', 'link', 'show', 'type', 'veth');
  const found = await host.exec(
    'sh',
    '-c',
    `find ${dir}/ipam ${host.runDir}/cni -type f 2>/dev/null || true`,
  );
  return [...ports.split('\n'), ...found.split('\n')].filter(
    (line) => line !== '' && !/\/(?:lock|last_reserved_ip\.0)$/.test(line),
  );
}

t.test('clones get the MACs and addresses that the plugins of a list have chosen', async (t) => {
  const { host, dir } = await cniHost(t, [{ type: 'tuning' }]);
  const vms = clonesOf(await restore(host, { names: ['one', 'two'], ping: true }));
  t.equal(new Set(vms.map((vm) => addressOf(vm))).size, 2);
  for (const vm of vms) {
    t.equal(vm.word, 'ready');
    t.match(addressOf(vm), /^10\.77\.0\./);
    const [nic] = vm.attachments;
    t.match(nic, { network: 'engine', gateway: '10.77.0.1', mtu: 1400, state: { is: 'confirmed' } });
    const seen = await inGuest(host, vm, 'ip', 'addr', 'show', 'dev', 'eth0');
    t.match(seen, nic?.mac ?? '-');
    t.match(seen, /mtu 1400/);
    t.ok(await host.ping(addressOf(vm)), 'the host reaches it');
    t.ok(await pingFrom(host, vm, '10.77.0.1'), 'it reaches its gateway');
  }
  const [one, two] = vms as [VmView, VmView];
  t.ok(await pingFrom(host, one, addressOf(two)), 'and one another');
  t.strictSame((await host.client.network.check({ ping: true })).findings, []);

  await host.restart('SIGKILL');
  t.strictSame((await host.client.network.check({ ping: true })).findings, [], 'the next daemon finds them');
  const stray = await host.exec('sh', '-c', `pgrep -f -- '--id ${one.id}' | head -1`);
  await host.exec('nsenter', '--target', stray.trim(), '--net', 'ip', 'addr', 'flush', 'dev', 'eth0');
  const { findings } = await host.client.network.check();
  t.match(findings, [{ vm: 'one', problem: /bridge .* CHECK/ }], 'CHECK tells, in the plugin’s own words');

  await host.client.vm.stop({ vm: 'one' });
  await host.kill('SIGKILL');
  const pid = await host.exec('sh', '-c', `pgrep -f -- '--id ${two.id}' | head -1`);
  await host.signal(Number(pid), 'SIGKILL');
  await host.start();
  t.strictSame(await left(host, dir), [], 'DEL also where the namespace is gone');
  t.strictSame(await host.leftovers(), []);
  t.equal(await holds(host, 0), 0);
});

t.test('a MAC and an address that are asked for, where the plugins take them', async (t) => {
  const { host } = await cniHost(t);
  const nic = { network: 'engine', mac: '02:00:00:00:00:77', address: '10.77.0.77/24' };
  const [vm] = clonesOf(await restore(host, { nics: [nic] }));
  t.match(vm?.attachments, [{ mac: nic.mac, addresses: [nic.address] }]);
  const ports = [{ host: 8080, guest: 80 }];
  t.strictSame(reasonsOf(await restore(host, { nics: [{ network: 'engine', ports }] })), ['cni-not-here']);
});

t.test('ports of the host, by the plugin that sees to them', async (t) => {
  const portmap = { type: 'portmap', snat: true, capabilities: { portMappings: true } };
  const { host } = await cniHost(t, [portmap]);
  const nic = { network: 'engine', ports: [{ host: 8080, guest: 80 }] };
  const [vm] = clonesOf(await restore(host, { nics: [nic] }));
  const rules = () => host.exec('iptables-save', '--table', 'nat');
  t.match(await rules(), `--dport 8080 -j DNAT --to-destination ${addressOf(vm as VmView)}:80`);
  t.strictSame((await host.client.network.check()).findings, [], 'a list may forbid CHECK');
  await host.client.vm.stop({ vm: vm?.id ?? '' });
  t.notMatch(await rules(), '--dport 8080');
});

t.test('a plugin that fails is quoted, and all is taken back', async (t) => {
  const { host, dir } = await cniHost(t, [{ type: 'refuses' }]);
  const says = '{"cniVersion":"1.0.0","code":107,"msg":"no more moose","details":"none left"}';
  const log = join(dir, 'calls');
  const program = `#!/bin/sh\necho "$CNI_COMMAND $CNI_CONTAINERID" >> ${log}\n[ "$CNI_COMMAND" = DEL ] && exit 0\necho '${says}'; exit 1\n`;
  await writeFile(join(dir, 'refuses'), program, { mode: 0o755 });
  const restored = await restore(host);
  const [clone] = restored.clones;
  t.match(clone, {
    ok: false,
    error: {
      message: /refuses of the network engine failed at ADD: no more moose: none left/,
      data: { number: 107 },
    },
  });
  const calls = (await readFile(log, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => line.split(' ')[0]);
  t.strictSame(calls, ['ADD', 'DEL'], 'DEL follows, also after an ADD that failed');
  await rm(join(dir, 'refuses'));
  t.strictSame(reasonsOf(await restore(host)), ['cni-plugin-missing']);
  t.strictSame(await left(host, dir), [], 'nothing was begun that only it could take back');
  t.strictSame(await host.leftovers(), []);
});

t.test(
  'a network whose plugins can’t serve is told before a clone is made, and refuses it meanwhile',
  async (t) => {
    const { host, dir } = await cniHost(t);
    const down = join(dir, 'down');
    // Debian's plugins speak 1.0; this one answers for them what came with 1.1.
    const program = `#!/bin/sh
case "$CNI_COMMAND" in
GC) exit 0 ;;
STATUS) [ ! -e ${down} ] && exit 0; echo '{"cniVersion":"1.1.0","code":50,"msg":"no controller"}'; exit 1 ;;
esac
sed 's/"cniVersion":"1.1.0"/"cniVersion":"1.0.0"/g' | ${path[0] ?? ''}/bridge`;
    await writeFile(join(dir, 'newer'), program, { mode: 0o755 });
    const { plugins, ...rest } = list(dir);
    const newer = { ...rest, cniVersion: '1.1.0', plugins: [{ ...plugins[0], type: 'newer' }] };
    await writeFile(join(dir, 'engine.conflist'), JSON.stringify(newer));
    await host.restart();
    const doctor = async () =>
      (await host.client.system.doctor()).diagnoses.find(({ check }) => check === 'network engine');
    t.match(await doctor(), { level: 'ok' });
    await writeFile(down, '');
    const [refused] = (await restore(host)).clones;
    t.match(refused, {
      ok: false,
      error: { data: { reason: 'cni-unavailable', retryable: true, number: 50 } },
    });
    t.match((await host.client.network.check()).findings, [
      {
        vm: null,
        what: 'network engine',
        problem: /newer says that it can give no NIC in engine now: no controller/,
      },
    ]);
    t.match(await doctor(), { level: 'problem', found: /no controller/, remedy: /newer/ });
    t.strictSame(await host.leftovers(), []);
    await rm(down);
    t.match(clonesOf(await restore(host)), [{ word: 'ready' }]);
    t.strictSame((await host.client.network.check()).findings, []);
    await rm(join(dir, 'newer'));
    t.match(await doctor(), { level: 'problem', found: new RegExp(`no CNI plugin newer in ${dir}:`) });
    await writeFile(join(dir, 'newer'), program, { mode: 0o755 });
  },
);

t.test('a failure at any effect of its own leaves nothing', async (t) => {
  const { host, dir, set } = await cniHost(t);
  for (const at of ['netns.give', 'cni.write', 'cni.call', 'joint.make', 'process.spawn', 'vmm.load']) {
    for (const when of ['before', 'after']) {
      await set([{ at, when, nth: 1, fail: 'EIO' }]);
      t.strictSame(reasonsOf(await restore(host)), ['system-call-failed'], `${when} ${at}`);
      t.strictSame(await left(host, dir), []);
      t.strictSame(await host.leftovers(), []);
      t.equal(await holds(host, 0), 0);
    }
  }
  for (const at of ['cni.write', 'cni.call', 'joint.make']) {
    await set([{ at, when: 'after', nth: 1, kill: true }]);
    await restore(host).catch(() => undefined);
    await host.ended();
    await set([]);
    await host.start();
    t.strictSame(await left(host, dir), [], `dead after ${at}`);
    t.strictSame(await host.leftovers(), []);
  }
});

t.test('what belongs to nobody any more is taken back, and what can’t be is tried again', async (t) => {
  const { host, dir } = await cniHost(t, [{ type: 'stubborn' }]);
  // Passes on what it was given.
  const passes = 'read -r in; in=${in#*\\"prevResult\\":}; echo "${in%\\}}"';
  const stubborn = (command: string) =>
    writeFile(join(dir, 'stubborn'), `#!/bin/sh\n${command}\n${passes}\n`, { mode: 0o755 });
  await stubborn('');
  const [vm] = clonesOf(await restore(host));
  if (!vm || vm.process.is !== 'alive') throw new Error('no clone');
  await host.kill('SIGKILL');
  await host.signal(vm.process.pid ?? 0, 'SIGKILL');
  // Nothing but CNI’s cache knows of it.
  await rm(join(host.runDir, 'records', `${vm.id}.json`));
  await rm(vm.dir, { recursive: true });
  await stubborn('[ "$CNI_COMMAND" = DEL ] && exit 1');
  await host.start();
  t.match(
    await left(host, dir),
    [`${host.runDir}/cni/${vm.id}-eth0.json`],
    'a plugin that fails keeps no daemon from starting',
  );
  await stubborn('');
  t.match((await host.client.network.gc()).removed, [`eth0 of ${vm.id} in engine`]);
  t.strictSame(await left(host, dir), []);
});

t.test('where a network of CNI’s can’t be is said', async (t) => {
  const { host } = await cniHost(t);
  const why = (call: Promise<unknown>) =>
    call.then(
      () => 'none',
      (error: unknown) => (error instanceof ThawError ? error.reason : String(error)),
    );
  t.equal(await why(host.client.vm.boot({ config: machine, networks: ['engine'] })), 'cni-not-here');
  const mixed = await restore(host, { nics: [{ network: 'engine' }, { network: 'default' }] });
  t.strictSame(reasonsOf(mixed), ['cni-not-here']);
  const [vm] = clonesOf(await host.client.snapshot.restore({ snapshot: 'base' }));
  const nic = { network: 'engine' };
  t.equal(await why(host.client.network.attach({ vm: vm?.id ?? '', nic })), 'cni-not-here');
});
