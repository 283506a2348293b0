/**
 * What the guest sees of its PCI bus, on a tmpfs where the host's buses would be: /sys/bus/pci/devices/<bdf> with
 * vendor, device, class, `virtioN/net/ethN`, `remove`, and the bus's `rescan` (facts/firecracker.md, "Hot-plug").
 * All functions are called inside the guest's namespaces.
 */
import fs from 'node:fs';

const pci = '/sys/bus/pci';
const devices = `${pci}/devices`;

export type VirtioKind = 'block' | 'net' | 'vsock' | 'rng' | 'balloon';

const virtioIds: Record<VirtioKind, { id: number; class: string }> = {
  net: { id: 1, class: '0x020000' },
  block: { id: 2, class: '0x018000' },
  rng: { id: 4, class: '0x00ff00' },
  balloon: { id: 5, class: '0x00ff00' },
  vsock: { id: 19, class: '0x028000' },
};

export function bdf(slot: number): string {
  return `0000:00:${slot.toString(16).padStart(2, '0')}.0`;
}

/** The empty bus with its root bridge; `root` while the guest's root is not /. */
export function makeBus(root: string): void {
  const bus = `${root}${pci}`;
  fs.mkdirSync(`${bus}/devices`, { recursive: true });
  fs.mkdirSync(`${bus}/drivers/virtio-pci`, { recursive: true });
  fs.mkdirSync(`${root}/sys/bus/virtio/devices`, { recursive: true });
  fs.writeFileSync(`${bus}/rescan`, '', { mode: 0o200 });
  const bridge = `${bus}/devices/${bdf(0)}`;
  fs.mkdirSync(bridge);
  for (const [name, value] of Object.entries({ vendor: '0x8086', device: '0x0d57', class: '0x060000' })) {
    fs.writeFileSync(`${bridge}/${name}`, `${value}\n`);
  }
}

export interface ShownDevice {
  slot: number;
  kind: VirtioKind;
  /** Undefined for a device whose driver failed to probe. */
  virtio?: number;
  /** Of a NIC that works. */
  ifname?: string;
}

/** Shows a device; one without `virtio` stands on the bus with no driver bound (fact 3). */
export function showDevice(device: ShownDevice): void {
  const folder = `${devices}/${bdf(device.slot)}`;
  const { id, class: pciClass } = virtioIds[device.kind];
  fs.mkdirSync(folder);
  const values = {
    vendor: '0x1af4',
    device: `0x${(0x1040 + id).toString(16)}`,
    class: pciClass,
    enable: device.virtio === undefined ? '0' : '1',
  };
  for (const [name, value] of Object.entries(values)) fs.writeFileSync(`${folder}/${name}`, `${value}\n`);
  fs.writeFileSync(`${folder}/remove`, '', { mode: 0o200 });
  if (device.virtio === undefined) return;
  const virtio = `${folder}/virtio${device.virtio}`;
  fs.mkdirSync(virtio);
  fs.symlinkSync(virtio, `/sys/bus/virtio/devices/virtio${device.virtio}`);
  fs.symlinkSync(`${pci}/drivers/virtio-pci`, `${folder}/driver`);
  if (device.ifname === undefined) return;
  fs.mkdirSync(`${virtio}/net`);
  // The interface's own folder, so that its address, state and counters are the living ones.
  fs.symlinkSync(`/sys/class/net/${device.ifname}`, `${virtio}/net/${device.ifname}`);
}

export function hideDevice(device: ShownDevice): void {
  fs.rmSync(`${devices}/${bdf(device.slot)}`, { recursive: true, force: true });
  if (device.virtio !== undefined)
    fs.rmSync(`/sys/bus/virtio/devices/virtio${device.virtio}`, { force: true });
}

/** Calls `wrote` when something was written to the control file; writing it again counts again. */
function watch(file: string, wrote: () => void): fs.FSWatcher {
  return fs.watch(file, { persistent: false }, () => wrote());
}

/** Whether a write to a control file was a 1; empties it for the next. */
function take(file: string): boolean {
  const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  if (text === '') return false;
  fs.truncateSync(file);
  return text.trim() === '1';
}

export const control = {
  rescan: `${pci}/rescan`,
  remove: (slot: number): string => `${devices}/${bdf(slot)}/remove`,
  watch,
  take,
};

/** The driver of the VMM's generation id, bound: how a guest can tell that its kernel reseeds itself. */
export function showGenerationId(): void {
  fs.mkdirSync('/sys/bus/acpi/drivers/vmgenid/VMGENCTR:00', { recursive: true });
  fs.mkdirSync('/sys/bus/acpi/devices/VMGENCTR:00', { recursive: true });
}
