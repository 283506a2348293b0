import t from 'tap';
import type { Diagnosis } from '../../daemon/api/system.js';
import { judge, type HostFacts } from '../../daemon/doctor/index.js';
import { judgeGuestKernel } from '../../daemon/doctor/guest-kernel.js';
import { kernelHas } from '../../daemon/doctor/kernel.js';
import { networkdGrabs, networkdMatches, networkManagerSpares } from '../../daemon/doctor/managers.js';

const chain = (policy: string, table = 'filter') =>
  JSON.stringify({
    nftables: [
      { metainfo: { version: '1.0.6' } },
      {
        chain: {
          family: 'ip',
          table,
          name: 'FORWARD',
          handle: 1,
          type: 'filter',
          hook: 'forward',
          prio: 0,
          policy,
        },
      },
      { chain: { family: 'ip', table, name: 'input', hook: 'input', policy: 'drop' } },
    ],
  });

/** A host with which nothing is wrong. */
const well: HostFacts = {
  firecracker: {
    binary: '/usr/bin/firecracker',
    executable: { is: 'usable' },
    version: '1.17.0',
    problem: null,
  },
  devices: { kvm: { is: 'usable' }, tun: { is: 'usable' }, cpuinfo: 'flags\t\t: fpu vmx sse\n' },
  privileges: {
    status: 'Name:\tthawd\nCapEff:\t000001ffffffffff\n',
    uidMap: '         0          0 4294967295\n',
    limits:
      'Limit   Soft Limit   Hard Limit   Units\nMax open files            65536                65536      files\n',
  },
  network: {
    kernel: {
      config: null,
      loaded: 'nf_tables 372736 0 - Live 0x0\nbridge 421888 1 br_netfilter, Live 0x0\n',
      builtin: '',
      loadable: '',
    },
    nft: '/usr/sbin/nft',
    ip: '/usr/sbin/ip',
    chains: { json: chain('accept') },
    sysctls: {
      'net/ipv4/ip_forward': '1\n',
      'net/ipv4/conf/all/rp_filter': '2\n',
      'net/ipv4/conf/default/rp_filter': '0\n',
      'net/bridge/bridge-nf-call-iptables': null,
    },
    networkManager: { running: false, conf: [] },
    networkd: { running: false, files: [] },
  },
  directories: {
    runDir: '/run/thawd',
    runFileSystem: { magic: 0x01021994, totalBytes: 2 ** 33, freeBytes: 2 ** 33 },
    storeDir: '/var/lib/thaw',
    storeFileSystem: { magic: 0x58465342, totalBytes: 2 ** 40, freeBytes: 2 ** 39 },
    reflink: null,
  },
  cgroupControllers: 'cpuset cpu io memory pids\n',
};

const bad = (diagnoses: readonly Diagnosis[]) => diagnoses.filter(({ level }) => level !== 'ok');

void t.test('nothing is said against a host that is well', (t) => {
  t.strictSame(bad(judge(well)), []);
  t.ok(judge(well).every(({ remedy }) => remedy === null));
  t.end();
});

const { firecracker, devices, privileges, network, directories } = well;
const sysctls = (more: Readonly<Record<string, string>>) => ({
  ...well,
  network: { ...network, sysctls: { ...network.sysctls, ...more } },
});
const version = (text: string) => ({ ...well, firecracker: { ...firecracker, version: text } });
const caps = (mask: string) => ({ ...well, privileges: { ...privileges, status: `CapEff:\t${mask}\n` } });

interface Case {
  readonly what: string;
  readonly host: HostFacts;
  /** All that is to be said: level, check, and a word of what was found or is to be done. */
  readonly says: readonly (readonly [Diagnosis['level'], string, RegExp])[];
}

const cases: readonly Case[] = [
  {
    what: 'no Firecracker',
    host: { ...well, firecracker: { ...firecracker, executable: { is: 'missing' }, version: null } },
    says: [['problem', 'firecracker', /not there.*firecracker\.binary/]],
  },
  {
    what: 'a Firecracker that is no program',
    host: { ...well, firecracker: { ...firecracker, executable: { is: 'refused', errno: 'EACCES' } } },
    says: [['problem', 'firecracker', /EACCES/]],
  },
  {
    what: 'a binary that does not answer',
    host: { ...well, firecracker: { ...firecracker, version: null, problem: 'it crashed' } },
    says: [['problem', 'firecracker', /it crashed/]],
  },
  { what: 'a version nobody knows', host: version('banana'), says: [['warning', 'firecracker', /banana/]] },
  {
    what: 'the newest release, which has the pause fault',
    host: version('1.16.1'),
    says: [['warning', 'firecracker pause-silences-vsock', /1\.17\.0.*fresh clone/]],
  },
  {
    what: 'a release that breaks vsock after a restore',
    host: version('1.16.0'),
    says: [
      ['warning', 'firecracker pause-silences-vsock', /./],
      ['problem', 'firecracker guest-vsock-after-restore', /1\.16\.1 or newer/],
    ],
  },
  {
    what: 'a release that can’t hot-attach, and lets guests out',
    host: version('v1.14.3'),
    says: [
      ['problem', 'firecracker', /since 1\.16\.0 only.*1\.16\.1 or newer/],
      ['warning', 'firecracker pause-silences-vsock', /./],
      ['problem', 'firecracker cve-2026-5747', /CVE-2026-5747/],
    ],
  },
  {
    what: 'no /dev/kvm on a processor that could',
    host: { ...well, devices: { ...devices, kvm: { is: 'missing' } } },
    says: [['problem', 'kvm', /modprobe kvm_intel/]],
  },
  {
    what: 'no /dev/kvm on a processor that could not',
    host: { ...well, devices: { ...devices, kvm: { is: 'missing' }, cpuinfo: 'flags : fpu\n' } },
    says: [['problem', 'kvm', /firmware/]],
  },
  {
    what: 'a KVM device that may not be opened',
    host: { ...well, devices: { ...devices, kvm: { is: 'refused', errno: 'EACCES' } } },
    says: [['problem', 'kvm', /EACCES.*root/]],
  },
  {
    what: 'a tun device without its driver',
    host: { ...well, devices: { ...devices, tun: { is: 'refused', errno: 'ENODEV' } } },
    says: [['problem', 'tun', /ENODEV.*modprobe tun/]],
  },
  {
    what: 'no capabilities at all',
    host: caps('0000000000000000'),
    says: [
      ['problem', 'capabilities', /CAP_NET_ADMIN/],
      ['warning', 'capabilities', /CAP_SYS_ADMIN/],
      ['warning', 'capabilities', /CAP_NET_RAW/],
      ['warning', 'capabilities', /CAP_DAC_OVERRIDE/],
    ],
  },
  {
    what: 'all but CAP_NET_ADMIN (bit 12)',
    host: caps('000001ffffffefff'),
    says: [['problem', 'capabilities', /CAP_NET_ADMIN/]],
  },
  {
    what: 'a user namespace',
    host: { ...well, privileges: { ...privileges, uidMap: '0 100000 65536\n' } },
    says: [['warning', 'user namespace', /rootless/]],
  },
  {
    what: 'few open files',
    host: {
      ...well,
      privileges: {
        ...privileges,
        limits: 'Max open files            1024                 4096      files\n',
      },
    },
    says: [['warning', 'open files', /about 128 VMs.*LimitNOFILE/]],
  },
  {
    what: 'no nft',
    host: { ...well, network: { ...network, nft: null, chains: null } },
    says: [['problem', 'nft', /apt-get install nftables/]],
  },
  {
    what: 'an nft that may not',
    host: { ...well, network: { ...network, chains: { why: 'Operation not permitted' } } },
    says: [['problem', 'nft', /Operation not permitted/]],
  },
  {
    what: 'no ip',
    host: { ...well, network: { ...network, ip: null } },
    says: [['warning', 'ip', /iproute2/]],
  },
  {
    what: 'a kernel without bridges, nor nf_tables for them',
    host: {
      ...well,
      network: {
        ...network,
        kernel: {
          config: 'CONFIG_NF_TABLES=y\n# CONFIG_BRIDGE is not set\n',
          loaded: null,
          builtin: null,
          loadable: null,
        },
      },
    },
    says: [
      ['problem', 'nf_tables bridge', /./],
      ['problem', 'bridge', /./],
    ],
  },
  {
    what: 'a kernel that tells nothing of itself',
    host: {
      ...well,
      network: { ...network, kernel: { config: null, loaded: null, builtin: null, loadable: null } },
    },
    says: [
      ['warning', 'nf_tables bridge', /nothing tells/],
      ['warning', 'bridge', /modprobe bridge/],
    ],
  },
  {
    what: 'no forwarding',
    host: sysctls({ 'net/ipv4/ip_forward': '0\n' }),
    says: [['warning', 'ip_forward', /sysctl -w net\.ipv4\.ip_forward=1/]],
  },
  {
    what: 'strict reverse path filter',
    host: sysctls({ 'net/ipv4/conf/all/rp_filter': '1\n' }),
    says: [['warning', 'rp_filter', /strict/]],
  },
  {
    what: 'bridged packets in iptables',
    host: sysctls({ 'net/bridge/bridge-nf-call-iptables': '1\n' }),
    says: [['warning', 'br_netfilter', /forward rules/]],
  },
  {
    what: 'Docker’s policy',
    host: { ...well, network: { ...network, chains: { json: chain('drop') } } },
    says: [['warning', 'forward policy', /ip filter FORWARD.*DOCKER-USER/]],
  },
  {
    what: 'NetworkManager',
    host: { ...well, network: { ...network, networkManager: { running: true, conf: ['[main]\n'] } } },
    says: [['warning', 'NetworkManager', /unmanaged-devices=interface-name:th\*/]],
  },
  {
    what: 'a networkd that takes everything',
    host: {
      ...well,
      network: {
        ...network,
        networkd: { running: true, files: [{ name: '99-all.network', text: '[Match]\nName=*\n' }] },
      },
    },
    says: [['warning', 'systemd-networkd', /99-all\.network/]],
  },
  {
    what: 'a run directory on a disk, with a path that leaves no room for sockets',
    host: {
      ...well,
      directories: {
        ...directories,
        runDir: `/${'r'.repeat(90)}`,
        runFileSystem: { magic: 0xef53, totalBytes: 1, freeBytes: 1 },
      },
    },
    says: [
      ['warning', 'run directory', /ext4.*tmpfs/],
      ['problem', 'run directory length', /at most 80 bytes/],
    ],
  },
  {
    what: 'a store in memory, without reflinks, nearly full',
    host: {
      ...well,
      directories: {
        ...directories,
        storeFileSystem: { magic: 0x01021994, totalBytes: 2 ** 34, freeBytes: 2 ** 30 },
        reflink: 'EOPNOTSUPP',
      },
    },
    says: [
      ['warning', 'store', /memory/],
      ['warning', 'reflink', /EOPNOTSUPP.*xfs/],
      ['warning', 'space', /1\.0 GiB of 16\.0 GiB/],
    ],
  },
  {
    what: 'a full store',
    host: {
      ...well,
      directories: {
        ...directories,
        storeFileSystem: { magic: 0x58465342, totalBytes: 2 ** 40, freeBytes: 2 ** 29 },
      },
    },
    says: [['problem', 'space', /0\.5 GiB/]],
  },
  {
    what: 'no directories',
    host: { ...well, directories: { ...directories, runFileSystem: null, storeFileSystem: null } },
    says: [
      ['problem', 'run directory', /not there/],
      ['problem', 'store', /not there/],
    ],
  },
  {
    what: 'cgroup v1',
    host: { ...well, cgroupControllers: null },
    says: [['warning', 'cgroups', /unified/]],
  },
  {
    what: 'an empty cgroup v2',
    host: { ...well, cgroupControllers: '\n' },
    says: [['warning', 'cgroups', /none/]],
  },
];

for (const { what, host, says } of cases) {
  void t.test(what, (t) => {
    const found = bad(judge(host));
    t.strictSame(
      found.map(({ level, check }) => [level, check]),
      says.map(([level, check]) => [level, check]),
    );
    says.forEach(([, , words], index) => {
      const diagnosis = found[index];
      t.match(`${diagnosis?.found} → ${diagnosis?.remedy}`, words);
      t.ok(diagnosis?.remedy, 'says what to do');
    });
    t.end();
  });
}

void t.test('another’s chain may drop, thaw’s own does not count', (t) => {
  const host = { ...well, network: { ...network, chains: { json: chain('drop', 'thaw') } } };
  t.strictSame(bad(judge(host)), []);
  t.strictSame(bad(judge({ ...well, network: { ...network, chains: { json: 'not JSON' } } })), []);
  t.end();
});

/** Debian's own kernels, in the options that matter. */
const debian = `
CONFIG_X86_64=y
CONFIG_PCI=y
CONFIG_PCI_MSI=y
CONFIG_PCI_MMCONFIG=y
CONFIG_PCIEPORTBUS=y
CONFIG_ACPI=y
CONFIG_VIRTIO_PCI=m
CONFIG_VIRTIO_NET=m
CONFIG_VIRTIO_VSOCKETS=m
CONFIG_VMGENID=y
# CONFIG_PCI_HOST_GENERIC is not set
`;

void t.test('a guest kernel: modules count, with a note; what is missing is named', (t) => {
  t.strictSame(bad(judgeGuestKernel(debian)), []);
  t.match(
    judgeGuestKernel(debian).find(({ found }) => found.startsWith('CONFIG_VIRTIO_NET'))?.found,
    /as a module.*initial RAM disk/,
  );
  const without = debian.replace('CONFIG_PCI_MSI=y', '').replace('CONFIG_VMGENID=y', '');
  t.strictSame(
    bad(judgeGuestKernel(without)).map(({ level, found }) => [level, found.split(' ')[0]]),
    [
      ['problem', 'CONFIG_PCI_MSI'],
      ['warning', 'CONFIG_VMGENID'],
    ],
  );
  t.match(bad(judgeGuestKernel(`${debian}CONFIG_CMDLINE="quiet pci=off"\n`)), [{ found: /pci=off/ }]);
  t.match(bad(judgeGuestKernel('hello')), [{ level: 'problem', found: /no kernel configuration/ }]);
  t.end();
});

void t.test('a guest kernel for arm64 needs another host bridge', (t) => {
  const arm = debian.replace('CONFIG_X86_64', 'CONFIG_ARM64').replace('CONFIG_ACPI=y\n', '');
  t.match(bad(judgeGuestKernel(arm)), [{ found: /CONFIG_PCI_HOST_GENERIC/ }]);
  t.end();
});

void t.test('whether the kernel has something is read from whatever tells it', (t) => {
  const nothing = { config: null, loaded: null, builtin: null, loadable: null };
  const has = (facts: Partial<typeof nothing | Record<keyof typeof nothing, string>>) =>
    kernelHas({ ...nothing, ...facts }, 'NF_TABLES', 'nf_tables');
  t.equal(has({}), null);
  t.equal(has({ loaded: 'nf_tables 1 0 - Live 0x0\n' }), 'y');
  t.equal(has({ loaded: 'nf_tables_set 1 0 - Live 0x0\n' }), null);
  t.equal(has({ builtin: 'kernel/net/netfilter/nf_tables.ko\n' }), 'y');
  t.equal(has({ loadable: 'kernel/net/netfilter/nf_tables.ko.xz: kernel/lib/x.ko.xz\n' }), 'm');
  t.equal(has({ config: 'CONFIG_NF_TABLES=y\n' }), 'y');
  t.equal(has({ config: 'CONFIG_NF_TABLES=m\n' }), 'm');
  t.equal(has({ config: 'CONFIG_NF_TABLES=m\n', loadable: '' }), 'n', 'configured, but not installed');
  t.equal(has({ config: '# CONFIG_NF_TABLES is not set\n' }), 'n');
  t.end();
});

void t.test('what makes systemd-networkd or NetworkManager take a tap', (t) => {
  const grabs: readonly (readonly [string, boolean])[] = [
    ['[Match]\nName=*\n[Network]\nDHCP=yes\n', true],
    ['[Match]\nName=en* eth*\n', false],
    ['[Match]\nName=!en*\n', true],
    ['[Match]\nName=!th*\n', false],
    ['[Match]\nType=ether\n\n[Network]\nDHCP=yes\n', true],
    ['[Match]\nType=ether\nName=en*\n', false],
    ['[Match]\nKind=tun\n', true],
    ['[Match]\nMACAddress=02:00:00:00:00:01\n', false],
    ['[Network]\nDHCP=yes\n', false],
  ];
  for (const [text, expected] of grabs) t.equal(networkdMatches(text), expected, text);
  const all = { name: '50-all.network', text: '[Match]\nName=*\n[Network]\nDHCP=yes\n' };
  const spare = { name: '05-thaw.network', text: '[Match]\nName=th*\n[Link]\nUnmanaged=yes\n' };
  t.equal(networkdGrabs([all]), all.name);
  t.equal(networkdGrabs([all, spare]), null, 'the first by name decides');
  t.equal(networkdGrabs([all, { ...spare, name: '90-late.network' }]), all.name);
  t.equal(networkdGrabs([{ ...all, text: '' }, all]), null, 'an empty file of the same name hides it');
  t.ok(networkManagerSpares(['[keyfile]\nunmanaged-devices=interface-name:veth*;interface-name:th*\n']));
  t.ok(networkManagerSpares(['[keyfile]\nunmanaged-devices = driver:tun\n']));
  t.notOk(
    networkManagerSpares([
      '[keyfile]\nunmanaged-devices=interface-name:veth*\n',
      '[main]\nplugins=keyfile\n',
    ]),
  );
  t.end();
});
