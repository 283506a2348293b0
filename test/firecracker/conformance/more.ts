/** Scenarios beyond those that were handed to us: what to ask; record.ts notes what the real binaries answer. */
import type { Step } from './scenario.js';

export interface Wish {
  scenario: string;
  about: string;
  steps: Step[];
}

const spawn = (vm: string, ...args: string[]): Step => ({ spawn: vm, args });
const ask = (vm: string, method: string, path: string, body?: unknown): Step => ({
  vm,
  method,
  path,
  ...(typeof body === 'string' ? { raw: body } : body === undefined ? {} : { body }),
  status: 0,
  answer: null,
});
const sh = (script: string): Step => ({ sh: script, rc: 0, out: '' });
const wire = (vm: string, send: string): Step => ({ wire: vm, send, reply: '' });
const exits = (yes: boolean): Step => ({ exit: yes ? { code: 1, signal: null } : null });

const put = (path: string, body: unknown): Step => ask('a', 'PUT', path, body);
const patch = (path: string, body: unknown): Step => ask('a', 'PATCH', path, body);
const get = (path: string): Step => ask('a', 'GET', path);
const del = (path: string): Step => ask('a', 'DELETE', path);

const boot = (...more: Step[]): Step[] => [
  put('/boot-source', { kernel_image_path: '$KERNEL', boot_args: 'reboot=k panic=1' }),
  ...more,
  put('/actions', { action_type: 'InstanceStart' }),
];
const pause = patch('/vm', { state: 'Paused' });
const create = put('/snapshot/create', { snapshot_path: '$D/state', mem_file_path: '$D/mem' });
const load = (vm: string, more: object = {}): Step =>
  ask(vm, 'PUT', '/snapshot/load', {
    snapshot_path: '$D/state',
    mem_backend: { backend_type: 'File', backend_path: '$D/mem' },
    ...more,
  });

const paths = [
  'actions',
  'balloon',
  'boot-source',
  'drives/x',
  'entropy',
  'logger',
  'machine-config',
  'metrics',
  'mmds',
  'mmds/config',
  'network-interfaces/x',
  'serial',
  'snapshot/create',
  'snapshot/load',
  'vsock',
  'pmem/x',
];

/** Wrong types, one after the other, for every body there is. */
const wrongTypes: Step[] = [
  ...paths.flatMap((path) =>
    ['[]', '1', '""', 'null', '{}', '{"a":1}', '{', ''].map((body) => put(`/${path}`, body)),
  ),
  ...[
    'vm',
    'machine-config',
    'drives/x',
    'network-interfaces/x',
    'mmds',
    'balloon',
    'balloon/statistics',
  ].flatMap((path) =>
    ['[]', '{}', 'true', '{"a":1}', '{"state":"Running"}'].map((body) => patch(`/${path}`, body)),
  ),
];

const odd: Step[] = [
  put('/machine-config', '{"vcpu_count":300,"mem_size_mib":128}'),
  put('/machine-config', '{"vcpu_count":-1,"mem_size_mib":128}'),
  put('/machine-config', '{"vcpu_count":1.5,"mem_size_mib":128}'),
  put('/machine-config', '{"vcpu_count":1e2,"mem_size_mib":128}'),
  put('/machine-config', '{"vcpu_count":01,"mem_size_mib":128}'),
  put('/machine-config', '{"vcpu_count":"1","mem_size_mib":128}'),
  put('/machine-config', '{"vcpu_count":1,"mem_size_mib":128,}'),
  put('/machine-config', '{"vcpu_count":1,"vcpu_count":1}'),
  put('/machine-config', '{"vcpu_count":1 "mem_size_mib":128}'),
  put('/machine-config', '{"vcpu_count" 1}'),
  put('/machine-config', '{"vcpu_count":1}'),
  put('/machine-config', '{"vcpu_count":1,"mem_size_mib":128}x'),
  put('/machine-config', '{"vcpu_count":1,"mem_size_mib":128,"smt":1}'),
  put('/machine-config', '{"vcpu_count":1,"mem_size_mib":128,"smt":null}'),
  put('/machine-config', '{"vcpu_count":1,"mem_size_mib":128,"smt":tru}'),
  put('/machine-config', '{"vcpu_count":1,"mem_size_mib":128,"huge_pages":"3M"}'),
  put('/machine-config', '{"vcpu_count":1,"mem_size_mib":128,"huge_pages":{"None":null}}'),
  put('/machine-config', '{"vcpu_count":1,"mem_size_mib":128,"huge_pages":1}'),
  put('/machine-config', '{"vcpu_count":1,"mem_size_mib":128,"cpu_template":"X9"}'),
  put('/machine-config', '[1,128]'),
  put('/machine-config', '[1'),
  put('/machine-config', '{\n "vcpu_count": 1,\n "mem_size_mib": "x"\n}'),
  put('/machine-config', '{\n "vcpu_count": 1,\n "nope": 2 }'),
  put('/machine-config', { vcpu_count: 0, mem_size_mib: 128 }),
  put('/machine-config', { vcpu_count: 33, mem_size_mib: 128 }),
  put('/machine-config', { vcpu_count: 3, mem_size_mib: 128, smt: true }),
  put('/machine-config', { vcpu_count: 1, mem_size_mib: 0 }),
  put('/machine-config', { vcpu_count: 1, mem_size_mib: 3, huge_pages: '2M' }),
  patch('/machine-config', { mem_size_mib: 256 }),
  get('/machine-config'),
  put('/boot-source', { kernel_image_path: '/nonexistent' }),
  put('/boot-source', { kernel_image_path: '$KERNEL', initrd_path: '/nonexistent' }),
  put('/boot-source', { kernel_image_path: '$KERNEL', boot_args: 5 }),
  put('/boot-source', '{"kernel_image_path":"\\ud800"}'),
  put('/boot-source', '{"kernel_image_path":"\\q"}'),
  put('/boot-source', '{"kernel_image_path":"a\nb"}'),
  put('/boot-source', '{"kernel_image_path":"abc'),
  put('/actions', { action_type: 'Nope' }),
  put('/actions', { action_type: 'FlushMetrics' }),
  put('/actions', { action_type: 'SendCtrlAltDel' }),
  put('/vsock', { guest_cid: 3, uds_path: '/nonexistent/v.sock' }),
  put('/vsock', { guest_cid: -3, uds_path: 'x' }),
  put('/network-interfaces/e', { iface_id: 'e', host_dev_name: 'fctap0', mtu: 70000 }),
  put('/network-interfaces/e', {
    iface_id: 'e',
    host_dev_name: 'fctap0',
    rx_rate_limiter: { bandwidth: { size: 1 } },
  }),
  put('/network-interfaces/e', { iface_id: 'e', host_dev_name: 'fctap0', rx_rate_limiter: { x: 1 } }),
  put('/network-interfaces/e', { iface_id: 'e', host_dev_name: 'fctap0', guest_mac: 7 }),
  put('/network-interfaces/', {}),
  put('/network-interfaces', {}),
  put('/network-interfaces/a.b', {}),
  put('/drives/x', { drive_id: 'x', is_root_device: false, path_on_host: '/nonexistent' }),
  put('/drives/x', { drive_id: 'y', is_root_device: false, path_on_host: '/nonexistent' }),
  put('/drives/x', { drive_id: 'x', is_root_device: false }),
  put('/drives/x', { drive_id: 'x', is_root_device: false, path_on_host: '$KERNEL', cache_type: 'Odd' }),
  put('/snapshot', {}),
  put('/snapshot/foo', {}),
  put('/snapshot/load', {
    snapshot_path: 'x',
    mem_file_path: 'y',
    mem_backend: { backend_type: 'File', backend_path: 'z' },
  }),
  put('/snapshot/load', { snapshot_path: 'x', mem_backend: { backend_type: 'Tape', backend_path: 'z' } }),
  put('/snapshot/load', { snapshot_path: 'x', mem_file_path: 'y', network_overrides: [{ iface_id: 'a' }] }),
  put('/snapshot/load', { snapshot_path: 'x', mem_file_path: 'y', network_overrides: {} }),
  put('/snapshot/load', { snapshot_path: 'x', mem_file_path: 'y', vsock_override: {} }),
  put('/snapshot/load', { snapshot_path: 'x', mem_file_path: 'y', vsock_override: 'v' }),
  put('/mmds/nope', {}),
  put('/mmds/config', { network_interfaces: [] }),
  put('/mmds/config', { network_interfaces: ['nope'] }),
  put('/mmds/config', { network_interfaces: ['nope'], ipv4_address: '10.0.0.1' }),
  put('/mmds/config', { network_interfaces: ['nope'], ipv4_address: 'x' }),
  put('/balloon', { amount_mib: 9999, deflate_on_oom: true }),
  get('/balloon'),
  get('/balloon/statistics'),
  get('/balloon/foo'),
  put('/logger', { level: 'Nope' }),
  put('/logger', { log_path: '/nonexistent/log' }),
  put('/metrics', { metrics_path: '/nonexistent/m' }),
  get('/vm'),
  get('/vm/nope'),
  get('/drives'),
  get('/snapshot/load'),
  del('/drives/x'),
  del('/drives/'),
  del('/drives/a-b'),
  del('/vsock'),
  ask('a', 'PUT', '/version', {}),
  ask('a', 'PATCH', '/nope', {}),
  ask('a', 'GET', '/version', {}),
  ask('a', 'PUT', '/actions'),
  ask('a', 'PATCH', '/vm'),
  ask('a', 'DELETE', '/drives/x', {}),
  get('/mmds'),
  patch('/mmds', { a: 1 }),
  put('/mmds', { a: { b: 1, c: 2 } }),
  patch('/mmds', { a: { b: null, d: [1] } }),
  get('/mmds'),
  put('/actions', { action_type: 'InstanceStart' }),
];

const http = [
  'GET / HTTP/1.1\r\n\r\n',
  'GET /version HTTP/1.0\r\n\r\n',
  'POST / HTTP/1.1\r\n\r\n',
  'GET / HTTP/2\r\n\r\n',
  'GET  HTTP/1.1\r\n\r\n',
  'nonsense\r\n\r\n',
  'GET / HTTP/1.1\r\nbroken\r\n\r\n',
  'GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n',
  'GET / HTTP/1.1\r\nContent-Length: 60000\r\n\r\n',
  'GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n',
  'GET / HTTP/1.1\r\nAccept-Encoding: identity;q=0\r\n\r\n',
  'GET / HTTP/1.1\r\nX-Anything: yes\r\nAccept: */*\r\n\r\n',
  'GET http://localhost/version HTTP/1.1\r\n\r\n',
  'GET //version// HTTP/1.1\r\n\r\n',
  'GET /version?x=1 HTTP/1.1\r\n\r\n',
  'GET /version/x HTTP/1.1\r\n\r\n',
  'GET version HTTP/1.1\r\n\r\n',
  'GET / HTTP/1.1\r\n\r\nGET /version HTTP/1.1\r\n\r\n',
  'PUT /vm HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}',
  `GET /${'x'.repeat(2000)} HTTP/1.1\r\n\r\n`,
  'PUT /machine-config HTTP/1.1\r\nContent-Length: 36\r\n\r\n{"vcpu_count":1,"mem_size_mib":128}\n',
  'PUT /machine-config HTTP/1.1\r\nContent-Length: 36\r\n\r\n{"vcpu_count":1,"mem_size_mib":\xff28}\n',
  'PUT /snapshot/load HTTP/1.1\r\nContent-Length: 35\r\n\r\n{"snapshot_path":"x","mem_file_pat"',
];

const runtimeRefusals: Step[] = [
  ...[
    'boot-source',
    'logger',
    'metrics',
    'serial',
    'cpu-config',
    'balloon',
    'vsock',
    'mmds/config',
    'entropy',
  ].map((path) =>
    put(
      `/${path}`,
      (
        {
          'boot-source': { kernel_image_path: 'x' },
          metrics: { metrics_path: 'x' },
          balloon: { amount_mib: 1, deflate_on_oom: true },
          vsock: { guest_cid: 3, uds_path: 'x' },
          'mmds/config': { network_interfaces: [] },
        } as Record<string, unknown>
      )[path] ?? {},
    ),
  ),
  put('/machine-config', { vcpu_count: 1, mem_size_mib: 128 }),
  patch('/machine-config', { vcpu_count: 1 }),
  get('/balloon'),
  get('/balloon/statistics'),
  patch('/balloon', { amount_mib: 1 }),
  patch('/balloon/statistics', { stats_polling_interval_s: 1 }),
  get('/mmds'),
  put('/mmds', {}),
  patch('/mmds', {}),
  patch('/drives/nope', { drive_id: 'nope' }),
  patch('/drives/nope', { drive_id: 'nope', path_on_host: '$KERNEL' }),
  patch('/drives/nope', { drive_id: 'nope', rate_limiter: {} }),
  patch('/network-interfaces/nope', { iface_id: 'nope' }),
  patch('/network-interfaces/eth0', { iface_id: 'eth1' }),
  put('/actions', { action_type: 'FlushMetrics' }),
];

export const more: Wish[] = [
  {
    scenario: 'wrong-types',
    about: 'bodies of every kind where others are expected',
    steps: [spawn('a', '--enable-pci'), ...wrongTypes],
  },
  {
    scenario: 'odd-bodies',
    about: 'refusals before boot, one by one',
    steps: [spawn('a', '--enable-pci'), ...odd],
  },
  {
    scenario: 'http',
    about: 'requests byte for byte',
    steps: [spawn('a'), ...http.map((bytes) => wire('a', bytes))],
  },
  {
    scenario: 'after-boot',
    about: 'what a running VM refuses',
    steps: [
      spawn('a', '--enable-pci', '--id', 'some-vm'),
      ...boot(),
      ...runtimeRefusals,
      get('/'),
      get('/machine-config'),
    ],
  },
  {
    scenario: 'drives',
    about: 'drives before boot, in the configuration, in a snapshot, and missing at a load',
    steps: [
      sh('truncate -s 1M $D/root $D/data'),
      spawn('a', '--enable-pci'),
      ...boot(
        put('/drives/data', {
          drive_id: 'data',
          is_root_device: false,
          path_on_host: '$D/data',
          is_read_only: true,
        }),
        put('/drives/root', {
          drive_id: 'root',
          is_root_device: true,
          path_on_host: 'root',
          cache_type: 'Writeback',
        }),
        put('/drives/second', { drive_id: 'second', is_root_device: true, path_on_host: 'root' }),
        put('/drives/root', {
          drive_id: 'root',
          is_root_device: true,
          path_on_host: 'root',
          rate_limiter: { ops: { size: 10, refill_time: 100 } },
        }),
        put('/entropy', {}),
        put('/balloon', { amount_mib: 8, deflate_on_oom: false }),
        get('/vm/config'),
      ),
      get('/vm/config'),
      patch('/drives/data', { drive_id: 'data', path_on_host: 'root' }),
      patch('/drives/data', { drive_id: 'data', path_on_host: '/nonexistent' }),
      get('/vm/config'),
      del('/drives/root'),
      put('/drives/more', { drive_id: 'more', is_root_device: true, path_on_host: 'data' }),
      put('/drives/more', { drive_id: 'more', is_root_device: false, path_on_host: '/nonexistent' }),
      put('/drives/more', { drive_id: 'more', is_root_device: false, path_on_host: 'data' }),
      put('/drives/more', { drive_id: 'more', is_root_device: false, path_on_host: 'data' }),
      del('/drives/more'),
      pause,
      create,
      { kill: 'a' },
      spawn('b'),
      load('b'),
      ask('b', 'GET', '/vm/config'),
      { kill: 'b' },
      sh('rm $D/root'),
      spawn('c'),
      load('c'),
      exits(true),
    ],
  },
  {
    scenario: 'overrides',
    about: 'a snapshot without vsock, without PCI, then with a hot-attached NIC and a second generation',
    steps: [
      sh('ip tuntap add fctap0 mode tap && ip tuntap add fctap1 mode tap'),
      spawn('a'),
      ...boot(
        put('/network-interfaces/eth0', {
          iface_id: 'eth0',
          host_dev_name: 'fctap0',
          guest_mac: 'AA:FC:00:00:00:01',
          rx_rate_limiter: { bandwidth: { size: 1000, one_time_burst: 5, refill_time: 10 } },
        }),
      ),
      patch('/network-interfaces/eth0', {
        iface_id: 'eth0',
        tx_rate_limiter: { ops: { size: 5, refill_time: 10 } },
      }),
      get('/vm/config'),
      pause,
      create,
      { kill: 'a' },
      spawn('v'),
      load('v', { vsock_override: { uds_path: '$D/v' } }),
      exits(true),
      sh('ip link del fctap0'),
      spawn('long'),
      load('long', { network_overrides: [{ iface_id: 'eth0', host_dev_name: 'much-too-long-a-name' }] }),
      exits(true),
      spawn('b'),
      load('b', {
        network_overrides: [{ iface_id: 'eth0', host_dev_name: 'fctap1' }],
        track_dirty_pages: true,
      }),
      ask('b', 'GET', '/vm/config'),
      ask('b', 'GET', '/machine-config'),
      ask('b', 'PATCH', '/vm', { state: 'Resumed' }),
      ask('b', 'PATCH', '/vm', { state: 'Paused' }),
      ask('b', 'PUT', '/snapshot/create', {
        snapshot_path: '$D/state2',
        mem_file_path: '$D/mem2',
        snapshot_type: 'Diff',
      }),
      ask('b', 'PUT', '/snapshot/create', { snapshot_path: '/nonexistent/state', mem_file_path: '$D/mem3' }),
      ask('b', 'PUT', '/snapshot/create', { snapshot_path: '$D/state3', mem_file_path: '/nonexistent/mem' }),
      ask('b', 'PUT', '/snapshot/create', { snapshot_path: '$D', mem_file_path: '$D/mem3' }),
      sh('stat -c %s $D/mem $D/mem2'),
    ],
  },
  {
    scenario: 'state-files',
    about: 'files that are no snapshots',
    steps: [
      sh(
        ': > $D/empty; printf 1234567 > $D/seven; head -c 5000 /dev/zero > $D/zeros; head -c 11000000 /dev/zero > $D/huge; mkdir $D/folder; cp $BASE/state $D/longer; printf x >> $D/longer; cp $BASE/state $D/magic; printf x | dd of=$D/magic bs=1 conv=notrunc 2>/dev/null',
      ),
      ...['empty', 'seven', 'zeros', 'huge', 'folder', 'longer'].flatMap((name): Step[] => [
        spawn(name),
        ask(name, 'PUT', '/snapshot/load', { snapshot_path: `$D/${name}`, mem_file_path: '$BASE/mem' }),
        exits(true),
      ]),
      spawn('memfolder'),
      ask('memfolder', 'PUT', '/snapshot/load', {
        snapshot_path: '$BASE/state',
        mem_file_path: '$D/folder',
        vsock_override: { uds_path: '$D/v8' },
      }),
      exits(true),
      spawn('nowhere'),
      ask('nowhere', 'PUT', '/snapshot/load', {
        snapshot_path: '$BASE/state',
        mem_file_path: '$BASE/mem',
        vsock_override: { uds_path: '/nonexistent/v' },
      }),
      exits(true),
    ],
  },
  {
    scenario: 'full-bus',
    about: 'as many NICs as fit',
    steps: [
      spawn('a', '--enable-pci'),
      ...boot(put('/vsock', { guest_cid: 3, uds_path: 'v.sock' })),
      ...Array.from({ length: 31 }, (_, i) =>
        put(`/network-interfaces/e${i}`, { iface_id: `e${i}`, host_dev_name: `fct${i}` }),
      ),
      del('/network-interfaces/e7'),
      put('/network-interfaces/e40', { iface_id: 'e40', host_dev_name: 'fct40' }),
      put('/network-interfaces/e41', { iface_id: 'e41', host_dev_name: 'fct41' }),
    ],
  },
];
