import t from 'tap';
import { GuestFacts } from '../../../daemon/api/shapes/guest.js';
import { lookScript } from '../../../plugins/agent/qemu-ga/look-script.js';
import { inGuest, lacking, pciNic, type Shell } from './shells.js';

/** A change in the guest, and what is seen of it then. */
type Case = readonly [change: string, seen: Partial<GuestFacts>];

// Nothing of the kernel below is to be seen: what a guest has, its case has made.
const bare = `mount -t tmpfs tmpfs "$R/sys/module"; : > "$R/etc/hostname"; echo well > "$R/etc/machine-id"
cp /proc/cmdline "$R/run/cmdline"\n`;

const said = (name: string): string => `(echo ${name} > /proc/self/comm; read -r X < /run/hold) & sleep 0.2`;

/** What any shell shows. */
const common: readonly Case[] = [
  [
    ':',
    {
      ...{ pci: 'empty', rescan: 'closed', hotplug: 'no', virtioPci: 'missing', virtioNet: 'missing' },
      ...{ vmgenid: 'none', machineId: 'there', restoreD: 'missing', idle: [], closed: [] },
      ...{ lacks: [], ipLacks: [], managers: [], claims: [], reseeds: 'brought' },
    },
  ],
  ['mkdir -p /sys/bus/pci/devices/0000:00:01.0; : > /sys/bus/pci/rescan', { pci: 'devices', rescan: 'open' }],
  ['mkdir -p /sys/module/pci_hotplug', { hotplug: 'yes' }],
  ['mkdir -p /sys/bus/pci/drivers/virtio-pci', { virtioPci: 'there', virtioNet: 'missing' }],
  ['mkdir -p /sys/bus/virtio/drivers/virtio_net', { virtioNet: 'there' }],
  ['mkdir -p /sys/bus/acpi/devices/VMGENCTR:00', { vmgenid: 'unheard' }],
  ['mkdir -p /sys/bus/acpi/drivers/vmgenid/VMGENCTR:00', { vmgenid: 'bound' }],
  ['mkdir -p /sys/module/vsock_loopback', { loopback: 'loaded' }],
  ['mkdir -p /etc/thaw/restore.d', { restoreD: 'there' }],
  [
    ': > /etc/thaw/restore.d/10-a; : > /etc/thaw/restore.d/20-b; chmod 755 /etc/thaw/restore.d/20-b',
    { idle: ['10-a'] },
  ],
  [
    'mkdir -p /etc/network; echo "allow-hotplug eth0" > /etc/network/interfaces',
    { claims: ['/etc/network/interfaces'] },
  ],
  ['echo "iface eth1 inet dhcp" > /etc/network/interfaces', { claims: [] }],
  ['mkdir -p /etc/cloud; : > /etc/cloud/cloud.cfg', { claims: ['/etc/cloud/cloud.cfg'] }],
  [': > /etc/cloud/cloud-init.disabled', { claims: [] }],
  ['mkdir -p /etc/systemd/network; : > /etc/systemd/network/80.network', { claims: [] }],
  [
    'W=/etc/systemd/system/multi-user.target.wants; mkdir -p $W; : > $W/systemd-networkd.service',
    { claims: ['/etc/systemd/network/80.network'] },
  ],
  [`mkfifo /run/hold; ${said('systemd-network')}`, { managers: ['systemd-networkd'] }],
  ['echo quiet pci=off > /run/cmdline; mount --bind /run/cmdline /proc/cmdline', { pci: 'off' }],
  ['umount /proc/cmdline; rm -r /sys/bus/pci', { pci: 'none', rescan: 'closed', virtioPci: 'missing' }],
  ['rm /etc/machine-id', { machineId: 'missing' }],
  ['mount -o remount,ro /run', { closed: ['/run'] }],
];

/** Where the root file system is the guest's own. */
const ownRoot: readonly Case[] = [
  ['R=/lib/modules/$(uname -r); mkdir -p $R/kernel/net; : > $R/modules.dep', { loopback: 'missing' }],
  ['D=$R/kernel/net/vmw_vsock; mkdir -p $D; : > $D/vsock_loopback.ko.xz', { loopback: 'loadable' }],
  [
    'mkdir -p /etc/modprobe.d; echo "blacklist vsock_loopback" > /etc/modprobe.d/thaw.conf',
    { loopback: 'blocked' },
  ],
  [
    'echo "kernel/net/virtio_net.ko:" > $R/modules.dep; : > $R/kernel/net/virtio_net.ko',
    { virtioNet: 'module' },
  ],
  [
    'mkdir -p /usr/lib/thaw; : > /usr/lib/thaw/reseed; chmod 755 /usr/lib/thaw/reseed',
    { reseeds: 'installed' },
  ],
  ['rm /usr/lib/thaw/reseed; mount -o remount,noexec /run', { reseeds: 'nothing' }],
  [': > /bin/perl; chmod 755 /bin/perl', { reseeds: 'perl' }],
  ['mount -t tmpfs -o ro tmpfs /etc', { closed: ['/etc'], machineId: 'missing' }],
];

function look(shell: Shell, cases: readonly Case[]): void {
  t.test(
    `${shell}: each thing that a guest lacks is seen, and only once it lacks it`,
    { skip: lacking(shell) ?? false },
    (t) => {
      const acts = cases.flatMap(([change]) => [change, lookScript]);
      const saw = inGuest(shell, bare, acts);
      for (const [index, [change, seen]] of cases.entries()) {
        const facts = GuestFacts.parse(JSON.parse(saw[2 * index + 1] ?? ''));
        t.match(facts, seen, `${change} ${saw[2 * index] ?? ''}`);
        t.match(facts.kernel, /^\d+\.\d+/);
      }
      t.end();
    },
  );
}

/** Busybox finds its applets in itself, and bash what it may not run. */
const ownPrograms: readonly Case[] = [
  ['mount --bind /dev/null "$(command -v date)"', { lacks: ['date'] }],
  [
    'echo "[ \\$1 != route ]" > /sys/module/ip; chmod 755 /sys/module/ip; mount --bind /sys/module/ip "$(command -v ip)"',
    { ipLacks: ['route'] },
  ],
  ['mount --bind /dev/null "$(command -v ip)"', { lacks: ['ip', 'date'], ipLacks: [] }],
];

look('busybox', common);
look('bash', common);
look('dash', [...common, ...ownPrograms]);
look('busybox', ownRoot);

t.test('a look leaves no trace', (t) => {
  const list = 'find /etc /run /tmp | sort';
  const [before, , after] = inGuest('busybox', pciNic(), [list, lookScript, list]);
  t.equal(after, before);
  t.end();
});
