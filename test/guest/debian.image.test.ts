import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { only, outcomes, stopAll } from '../support/flow.js';
import { debianImage } from '../support/guest-image/debian.js';
import { startHost } from '../support/host.js';
import { inGuests, onQemu } from '../support/linux-guest.js';

const image = debianImage();
const host = await startHost(t, { env: onQemu });
const { client } = host;
const root = join(host.storeDir, 'root.img');
await copyFile(image.root, root);

t.test(
  'a Debian with systemd, prepared: it boots, lacks nothing, and its clones are themselves',
  async (t) => {
    const config = {
      'boot-source': {
        kernel_image_path: image.kernel,
        initrd_path: image.initrd,
        boot_args: 'console=ttyS0 reboot=k panic=1 quiet',
      },
      'machine-config': { vcpu_count: 1, mem_size_mib: 256 },
      drives: [{ drive_id: 'root', path_on_host: root, is_root_device: true, is_read_only: false }],
    };
    await client.vm.boot({ name: 'source', config, readyTimeout: 600_000 });
    const { diagnoses } = await client.agent.check({ vm: 'source', timeout: 60_000 });
    const lacking = diagnoses.filter(({ level }) => level !== 'ok').map(({ check }) => check);
    // This engine's agent is Debian's own, on a serial port: QEMU has no vsock without the host's.
    t.strictSame(lacking, ['agent port']);
    t.match(diagnoses.find(({ check }) => check === 'vsock_loopback')?.found, 'kept from being loaded');

    await client.snapshot.create({ vm: 'source', name: 'base' });
    const names = ['one', 'two'];
    const { clones } = await client.snapshot.restore({
      snapshot: 'base',
      names,
      ping: true,
      readyTimeout: 300_000,
    });
    t.strictSame(outcomes(clones), ['ready', 'ready']);
    const vms = clones.map((clone) => only([clone]));
    const look = `hostname; cat /etc/machine-id; systemctl is-active thaw-agent; ss --vsock --listening --numeric --no-header
    modprobe vsock_loopback 2>/dev/null || echo refused; systemctl is-failed '*' | grep -c failed; true`;
    const said = await inGuests(host, vms, look);
    for (const [index, text] of said.entries()) {
      const [hostname, , service, listening = '', loopback] = text.split('\n');
      t.strictSame([hostname, service, loopback], [names[index], 'active', 'refused']);
      t.match(listening, /\*:999\b/, 'thaw’s agent');
    }
    t.not(said[0]?.split('\n')[1], said[1]?.split('\n')[1], 'machine-ids');
    await stopAll(host);
    t.strictSame(await host.leftovers(), []);
  },
);
