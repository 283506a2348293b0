import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { commands } from '../../../client/cli/commands/index.js';
import { type Answers, startFake } from './fake-daemon.js';
import { snapshot, timeline, vm } from './samples.js';
import { thaw } from './thaw.js';

const health = {
  ...{ status: 'ok', vms: 1, operations: 0, slots: 1, residentBytes: 1e7, eventLoopLagMs: 0.2 },
  room: { vms: { used: 1, most: 8 }, memoryMib: { used: 128, most: null } },
};
const info = {
  version: '0.1.0',
  contract: '1.1',
  pid: 1,
  startedAt: 0,
  runDir: '/run/thawd',
  storeDir: '/var/lib/thaw',
  firecracker: { binary: '/usr/bin/firecracker', version: '1.16.1', problem: null },
  networks: ['default'],
  plugins: [{ kind: 'fabric', name: 'bridge' }],
  peer: { uid: 0, access: 'change' },
};

const results: Readonly<Record<string, unknown>> = {
  'vm.boot': { vm },
  'vm.list': { vms: [vm, { ...vm, id: 'vm-foreign000', origin: 'foreign' }] },
  'vm.get': { vm },
  'vm.pause': { vm, warnings: ['the agent will not answer'] },
  'vm.resume': { vm },
  'vm.stop': { vm: vm.id },
  'vm.extend': { vm },
  'vm.adopt': { vm: { ...vm, origin: 'adopted' } },
  'vm.release': { vm: vm.id },
  'vm.timeline': { timelines: [timeline] },
  'snapshot.create': { snapshot, warnings: [] },
  'snapshot.list': { snapshots: [snapshot] },
  'snapshot.get': { snapshot },
  'snapshot.delete': { snapshot: snapshot.id },
  'snapshot.verify': { snapshot: snapshot.id, intact: true },
  'snapshot.restore': {
    chosen: 'override',
    passedOver: [{ strategy: 'hot-attach', reason: 'no-pci', message: 'it was booted without PCI' }],
    clones: [{ ok: true, vm }],
  },
  'network.plan': {
    chosen: 'recorded',
    passedOver: [{ strategy: 'override', reason: 'vmm-too-old', message: 'Firecracker 1.11 is too old' }],
    nics: [{ id: 'eth0', network: 'default', address: '10.88.0.5', mac: null, tap: 'tap7' }],
    steps: [
      { kind: 'folder', label: 'folder' },
      { kind: 'tap', label: 'tap eth0' },
    ],
  },
  'network.attach': { attachment: vm.attachments[0] },
  'network.detach': { attachment: 'eth0' },
  'network.check': { findings: [], pings: [{ vm: vm.id, address: '10.88.0.5', milliseconds: 0.3 }] },
  'system.reconcile': {
    dryRun: true,
    findings: [],
    skipped: ['web-2'],
    effects: [],
    milliseconds: 3,
  },
  'network.gc': { removed: ['tap th0123456789'], dryRun: true },
  'network.list': {
    networks: [
      {
        name: 'default',
        bridge: 'thaw0',
        subnet: '10.88.0.0/16',
        gateway: '10.88.0.1',
        subnet6: null,
        gateway6: null,
        nat: true,
        mtu: 1500,
        leases: 1,
        capacity: 65533,
      },
    ],
  },
  'agent.check': {
    vm: vm.id,
    diagnoses: [{ check: 'virtio_net', level: 'warning', found: 'not loaded', remedy: 'load it' }],
  },
  'agent.ping': { vm: vm.id, milliseconds: 1.5, agent: { dialect: 'qemu-ga', version: '7.2' } },
  'agent.upgrade': {
    ...{ vm: vm.id, path: '/etc/thaw/restore.d/50-app', sha256: 'abc', bytes: 7 },
    agent: { dialect: 'qemu-ga', version: '7.2' },
  },
  'agent.update': {
    update: { parts: { network: { is: 'done' } }, interfaces: {}, hostname: 'web-1', machineId: null },
  },
  'system.doctor': { diagnoses: [{ check: 'kvm', level: 'ok', found: '/dev/kvm opens', remedy: null }] },
  'system.info': info,
  'system.health': health,
};

const answers: Answers = Object.fromEntries(
  Object.entries(results).map(([method, result]) => [method, () => ({ result })]),
);

interface Case {
  /** The command line. */
  readonly args: string;
  /** What it sends, in order. */
  readonly sends: readonly (readonly [method: string, params: Readonly<Record<string, unknown>>])[];
  /** What `--json` prints; the last answer as it came where left out. */
  readonly json?: unknown;
  readonly input?: string;
  /** A word that people must find in the output. */
  readonly shows: RegExp;
  /** What `--quiet` prints. */
  readonly quiet: string;
}

const bootDefaults = { pci: true, networks: [], agent: {}, keepOnFailure: false, labels: {} };
const restoreDefaults = { snapshot: 'golden', ping: false, keepOnFailure: false, labels: {} };
const createDefaults = { vm: 'base', labels: {}, verify: false, strip: false, keepNics: false };

const cases: readonly Case[] = [
  {
    args: 'boot --kernel /k --initrd i --append a=b --drive root=/d:root --drive data=/e:x:ro --vcpus 2 --mem 1G --name web-1',
    sends: [
      [
        'vm.boot',
        {
          ...bootDefaults,
          name: 'web-1',
          config: {
            'boot-source': { kernel_image_path: '/k', initrd_path: '/tmp/i', boot_args: 'a=b' },
            drives: [
              { drive_id: 'root', path_on_host: '/d', is_root_device: true, is_read_only: false },
              { drive_id: 'data', path_on_host: '/e:x', is_root_device: false, is_read_only: true },
            ],
            'machine-config': { vcpu_count: 2, mem_size_mib: 1024 },
          },
        },
      ],
    ],
    shows: /✓ web-1 .*ready.*10\.88\.0\.5/,
    quiet: vm.id,
  },
  {
    args: 'boot --kernel /k --network a --network b --no-pci --no-agent --label x=y=z --ready-timeout 2m --keep-on-failure',
    sends: [
      [
        'vm.boot',
        {
          config: { 'boot-source': { kernel_image_path: '/k' } },
          pci: false,
          networks: ['a', 'b'],
          agent: null,
          readyTimeout: 120_000,
          keepOnFailure: true,
          labels: { x: 'y=z' },
        },
      ],
    ],
    shows: /✓ web-1/,
    quiet: vm.id,
  },
  {
    args: 'boot --config - --mem 256 --agent-port 52 --agent http --ready-timeout 0',
    input: JSON.stringify({
      'boot-source': { kernel_image_path: 'vmlinux', boot_args: 'quiet' },
      'machine-config': { vcpu_count: 4, mem_size_mib: 1 },
      drives: [{ drive_id: 'r', path_on_host: 'r.img', is_root_device: true }],
      vsock: { guest_cid: 9, uds_path: '/v' },
      'network-interfaces': [],
      logger: { log_path: '/l' },
      balloon: null,
      'mmds-config': { version: 'V2' },
    }),
    sends: [
      [
        'vm.boot',
        {
          ...bootDefaults,
          agent: { dialect: 'http', port: 52 },
          readyTimeout: 0,
          config: {
            'boot-source': { kernel_image_path: '/tmp/vmlinux', boot_args: 'quiet' },
            'machine-config': { vcpu_count: 4, mem_size_mib: 256 },
            drives: [{ drive_id: 'r', path_on_host: '/tmp/r.img', is_root_device: true }],
            vsock: { guest_cid: 9 },
            // Not thaw's to choose: for the daemon to refuse by its name.
            'mmds-config': { version: 'V2' },
          },
        },
      ],
    ],
    shows: /✓ web-1/,
    quiet: vm.id,
  },
  {
    args: 'snapshot create base --name golden --verify --strip --keep-nics --label a=b',
    sends: [
      [
        'snapshot.create',
        { ...createDefaults, name: 'golden', verify: true, strip: true, keepNics: true, labels: { a: 'b' } },
      ],
    ],
    shows: /✓ golden .*128 MiB.*fit for hot-attach: yes/,
    quiet: snapshot.id,
  },
  {
    args: 'snapshot ls',
    sends: [['snapshot.list', {}]],
    shows: /golden .*128 MiB .*yes/,
    quiet: snapshot.id,
  },
  {
    args: 'snapshot show golden',
    sends: [['snapshot.get', { snapshot: 'golden' }]],
    shows: /hot-attach +yes: booted without a NIC/,
    quiet: snapshot.id,
  },
  {
    args: 'snapshot rm golden',
    sends: [['snapshot.delete', { snapshot: 'golden' }]],
    shows: /deleted/,
    quiet: snapshot.id,
  },
  {
    args: 'snapshot verify golden',
    sends: [['snapshot.verify', { snapshot: 'golden' }]],
    shows: /intact/,
    quiet: snapshot.id,
  },
  {
    args: 'restore golden',
    sends: [['snapshot.restore', restoreDefaults]],
    shows: /✓ web-1 /,
    quiet: vm.id,
  },
  {
    args: 'restore golden -n 3 --strategy none --ready-timeout 500ms --ping --keep-on-failure --label a=b',
    sends: [
      [
        'snapshot.restore',
        {
          ...restoreDefaults,
          count: 3,
          strategy: 'none',
          readyTimeout: 500,
          ping: true,
          keepOnFailure: true,
          labels: { a: 'b' },
        },
      ],
    ],
    shows: /✓ web-1 /,
    quiet: vm.id,
  },
  {
    args: 'snapshot restore golden --name a --name b --network front --nic network=back,address=10.0.0.9,mac=02:00:00:00:00:09,port=8080:80',
    sends: [
      [
        'snapshot.restore',
        {
          ...restoreDefaults,
          names: ['a', 'b'],
          nics: [
            { network: 'front' },
            {
              network: 'back',
              address: '10.0.0.9',
              mac: '02:00:00:00:00:09',
              ports: [{ protocol: 'tcp', host: 8080, guest: 80 }],
            },
          ],
        },
      ],
    ],
    shows: /✓ web-1 /,
    quiet: vm.id,
  },
  {
    args: 'restore golden --strategy override --keep-mac --nic id=eth1,network=back',
    sends: [
      [
        'snapshot.restore',
        { ...restoreDefaults, strategy: 'override', keepMac: true, nics: [{ id: 'eth1', network: 'back' }] },
      ],
    ],
    shows: /✓ web-1 /,
    quiet: vm.id,
  },
  {
    args: 'restore golden --nic network=back,rx=10mbit,tx=1.5gbit,tx-ops=500',
    sends: [
      [
        'snapshot.restore',
        {
          ...restoreDefaults,
          nics: [
            {
              network: 'back',
              rxRateLimiter: { bandwidth: { size: 1_250_000, refill_time: 1000 } },
              txRateLimiter: {
                bandwidth: { size: 187_500_000, refill_time: 1000 },
                ops: { size: 500, refill_time: 1000 },
              },
            },
          ],
        },
      ],
    ],
    shows: /✓ web-1 /,
    quiet: vm.id,
  },
  {
    args: 'boot --kernel /k --network a --nic network=b,address=10.0.0.9,rx-ops=9',
    sends: [
      [
        'vm.boot',
        {
          ...bootDefaults,
          networks: [
            'a',
            { network: 'b', address: '10.0.0.9', rxRateLimiter: { ops: { size: 9, refill_time: 1000 } } },
          ],
          config: { 'boot-source': { kernel_image_path: '/k' } },
        },
      ],
    ],
    shows: /✓ web-1/,
    quiet: vm.id,
  },
  {
    args: 'attach web-1 --rx 8mbit --rx-burst 1m --tx-ops 100',
    sends: [
      [
        'network.attach',
        {
          vm: 'web-1',
          nic: {
            // A mebibyte at once, refilled in the time that it takes at a megabyte a second.
            rxRateLimiter: { bandwidth: { size: 1_048_576, refill_time: 1049 } },
            txRateLimiter: { ops: { size: 100, refill_time: 1000 } },
          },
        },
      ],
    ],
    shows: /✓ eth0 /,
    quiet: 'eth0',
  },
  {
    args: 'plan golden -n 2 --keep-mac',
    sends: [['network.plan', { snapshot: 'golden', strategy: 'auto', count: 2, keepMac: true }]],
    shows:
      /✓ recorded\n +not override: Firecracker 1\.11 is too old\n +eth0: in default, 10\.88\.0\.5, a MAC of its own, tap tap7\n +folder → tap eth0/,
    quiet: 'recorded',
  },
  {
    args: 'network plan golden --strategy recorded',
    sends: [['network.plan', { snapshot: 'golden', strategy: 'recorded' }]],
    shows: /✓ recorded/,
    quiet: 'recorded',
  },
  {
    args: 'boot --kernel /k --network a --snapshot-id new',
    sends: [
      [
        'vm.boot',
        {
          ...bootDefaults,
          networks: ['a'],
          snapshotId: 'new',
          config: { 'boot-source': { kernel_image_path: '/k' } },
        },
      ],
    ],
    shows: /✓ web-1/,
    quiet: vm.id,
  },
  {
    args: 'ps',
    sends: [['vm.list', {}]],
    shows: /^NAME +ID +STATE +AGE +SNAPSHOT +ADDRESS\nweb-1 +vm-0123456789 +ready .*10\.88\.0\.5\n/,
    quiet: `${vm.id}\nvm-foreign000`,
  },
  {
    args: 'show web-1',
    sends: [['vm.get', { vm: 'web-1' }]],
    shows: /guest +ready by qemu-ga[^]*eth0 +10\.88\.0\.5\/16 on default, tap th01234567890/,
    quiet: vm.id,
  },
  { args: 'pause web-1', sends: [['vm.pause', { vm: 'web-1' }]], shows: /✓ web-1/, quiet: vm.id },
  { args: 'resume web-1', sends: [['vm.resume', { vm: 'web-1' }]], shows: /✓ web-1/, quiet: vm.id },
  {
    args: 'stop web-1 web-1',
    sends: [['vm.stop', { vm: 'web-1' }]],
    json: { stopped: [vm.id], failed: [] },
    shows: /stopped/,
    quiet: vm.id,
  },
  {
    args: 'stop --all',
    sends: [
      ['vm.list', {}],
      ['vm.stop', { vm: vm.id }],
    ],
    json: { stopped: [vm.id], failed: [] },
    shows: /stopped/,
    quiet: vm.id,
  },
  {
    args: 'attach web-1 --network n --address 10.0.0.2 --mac 02:00:00:00:00:02 --port 192.0.2.1:5353:53/udp --ready-timeout 5s',
    sends: [
      [
        'network.attach',
        {
          vm: 'web-1',
          nic: {
            network: 'n',
            address: '10.0.0.2',
            mac: '02:00:00:00:00:02',
            ports: [{ protocol: 'udp', host: 5353, guest: 53, address: '192.0.2.1' }],
          },
          readyTimeout: 5000,
        },
      ],
    ],
    shows: /✓ eth0 .*enp0s2/,
    quiet: 'eth0',
  },
  {
    args: 'detach web-1 eth0 --force',
    sends: [['network.detach', { vm: 'web-1', attachment: 'eth0', force: true }]],
    shows: /detached/,
    quiet: 'eth0',
  },
  {
    args: 'restore golden --with ssh-host-keys --without clock --without scripts',
    sends: [
      [
        'snapshot.restore',
        { ...restoreDefaults, parts: { 'ssh-host-keys': true, clock: false, scripts: false } },
      ],
    ],
    shows: /✓ web-1 /,
    quiet: vm.id,
  },
  {
    args: 'upgrade web-1 /tmp/50-app /etc/thaw/restore.d/50-app --mode 700 --restart true --timeout 1500ms',
    sends: [
      [
        'agent.upgrade',
        {
          ...{ vm: 'web-1', file: '/tmp/50-app', path: '/etc/thaw/restore.d/50-app' },
          ...{ mode: '700', restart: 'true', seconds: 2 },
        },
      ],
    ],
    shows: /50-app of .*: 7 bytes, SHA-256 abc/,
    quiet: '',
  },
  {
    args: 'update web-1 --without hostname',
    sends: [['agent.update', { vm: 'web-1', parts: { hostname: false } }]],
    shows: /network +done/,
    quiet: '',
  },
  {
    args: 'update web-1 --timeout 3s',
    sends: [['agent.update', { vm: 'web-1', timeout: 3000 }]],
    shows: /network +done/,
    quiet: '',
  },
  {
    args: 'guest check web-1 --timeout 3s',
    sends: [['agent.check', { vm: 'web-1', timeout: 3000 }]],
    shows: /! virtio_net +not loaded\n +→ load it/,
    quiet: '',
  },
  {
    args: 'ping web-1 --timeout 100',
    sends: [['agent.ping', { vm: 'web-1', timeout: 100 }]],
    shows: /answered in 1\.50 ms +qemu-ga 7\.2/,
    quiet: '',
  },
  {
    args: 'timeline web-1 --last 1',
    sends: [['vm.timeline', { vm: 'web-1' }]],
    shows: /load +[█▐]/,
    quiet: timeline.operation,
  },
  {
    args: 'extend web-1 --ttl 30m',
    sends: [['vm.extend', { vm: 'web-1', ttl: 1_800_000 }]],
    shows: /web-1/,
    quiet: vm.id,
  },
  {
    args: 'adopt fc-7 --name web-1 --agent-port 1024 --label team=blue',
    sends: [['vm.adopt', { vm: 'fc-7', name: 'web-1', agent: { port: 1024 }, labels: { team: 'blue' } }]],
    shows: /web-1/,
    quiet: vm.id,
  },
  {
    args: 'release web-1',
    sends: [['vm.release', { vm: 'web-1' }]],
    shows: /vm-0123456789 is given back/,
    quiet: vm.id,
  },
  {
    args: 'timeline op-0123456789 --ascii --effects --width 60 --one-scale',
    sends: [['vm.timeline', { operation: 'op-0123456789' }]],
    shows: /vmm\.load +=/,
    quiet: timeline.operation,
  },
  { args: 'networks', sends: [['network.list', {}]], shows: /default .*1 of 65533/, quiet: 'default' },
  {
    args: 'check',
    sends: [['network.check', { ping: false }]],
    shows: /as they should be/,
    quiet: '',
  },
  {
    args: 'network check web-1 --ping',
    sends: [['network.check', { vm: 'web-1', ping: true }]],
    shows: /10\.88\.0\.5 answered in/,
    quiet: '',
  },
  {
    args: 'reconcile --dry-run',
    sends: [['system.reconcile', { dryRun: true }]],
    shows: /all is as recorded[\s\S]*web-2/,
    quiet: '',
  },
  {
    args: 'gc --dry-run',
    sends: [['network.gc', { dryRun: true }]],
    shows: /would go: tap th0123456789/,
    quiet: 'tap th0123456789',
  },
  {
    args: 'doctor --kernel-config config-6.1',
    sends: [['system.doctor', { kernelConfig: '/tmp/config-6.1' }]],
    shows: /✓ kvm +\/dev\/kvm opens/,
    quiet: '',
  },
  {
    args: 'info',
    sends: [
      ['system.info', {}],
      ['system.health', {}],
    ],
    json: { ...info, health },
    shows: /Firecracker +1\.16\.1/,
    quiet: '',
  },
  {
    args: 'rpc vm.get -',
    input: '{"vm":"web-1"}',
    sends: [['vm.get', { vm: 'web-1' }]],
    shows: /^\{\n {2}"vm": \{/,
    quiet: '',
  },
  { args: 'rpc system.health', sends: [['system.health', {}]], shows: /residentBytes/, quiet: '' },
];

const withoutToken = (params: Readonly<Record<string, unknown>>) => {
  const { progressToken: _token, ...rest } = params;
  return rest;
};

for (const { args, sends, json, input, shows, quiet } of cases) {
  void t.test(`thaw ${args}`, async (t) => {
    const fake = await startFake(t, answers);
    const run = (more: readonly string[]) =>
      thaw([...args.split(' '), ...more, '--socket', fake.socket], {
        cwd: '/tmp',
        ...(input === undefined ? {} : { input }),
      });
    const forPrograms = await run(['--json']);
    t.strictSame(
      fake.seen.map((seen) => [seen.method, withoutToken(seen.params)]),
      sends,
      'what it asks of the daemon',
    );
    t.equal(forPrograms.code, 0);
    t.equal(forPrograms.stderr, '', 'nothing but JSON');
    t.equal(forPrograms.stdout.split('\n').length, 2, 'one line');
    t.strictSame(JSON.parse(forPrograms.stdout), json ?? results[sends.at(-1)?.[0] ?? '']);
    const forPeople = await run([]);
    t.equal(forPeople.code, 0);
    t.match(forPeople.stdout, shows);
    t.notMatch(forPeople.stdout + forPeople.stderr, /\u001b/, 'no colours where there is no terminal');
    const names = await run(['--quiet']);
    t.same([names.stdout.trim(), names.stderr], [quiet, '']);
  });
}

void t.test('no command is without a request here', (t) => {
  const elsewhere = [
    'events',
    'explain',
    'guest prepare',
    'install',
    'uninstall',
    'completion',
    'help',
    '__names',
  ];
  const tried = (name: string): boolean =>
    cases.some(({ args }) => args === name || args.startsWith(`${name} `));
  t.strictSame(
    commands.filter(({ name, aliases = [] }) => ![name, ...aliases].some(tried)).map(({ name }) => name),
    elsewhere,
  );
  t.end();
});

void t.test('a configuration file’s NICs are not lost without a word', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'thaw-config-'));
  t.teardown(() => rm(dir, { recursive: true }));
  const fake = await startFake(t, answers);
  const config = join(dir, 'vm.json');
  const nic = { iface_id: 'eth0', host_dev_name: 'tap0' };
  await writeFile(
    config,
    JSON.stringify({
      'boot-source': { kernel_image_path: '/k' },
      'network-interfaces': [nic],
      vsock: { guest_cid: 3, uds_path: '/v' },
    }),
  );
  const { code, stderr } = await thaw(['boot', '--config', config, '--socket', fake.socket]);
  t.equal(code, 0);
  t.match(stderr, /left out.*NICs.*--network/);
  t.match(stderr, /left out.*the vsock’s path/);
});
