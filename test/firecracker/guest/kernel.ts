/** The guest's kernel, as far as there is one: its root, its view of the PCI bus, its NICs. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { environment } from '../environment.js';
import { log } from '../log.js';
import { call } from '../native/libc.js';
import type { Tap } from '../native/tap.js';
import { sleep } from '../timing.js';
import { attachDrive, detachDrive, detachedMount } from './drive.js';
import type { GuestDevice, Hardware } from './hardware.js';
import type { GuestMemory, KnownDevice } from './memory.js';
import { guestPath } from './namespaces.js';
import { makeGuestTap, Pump } from './nic.js';
import { control, hideDevice, showDevice } from './pci-sysfs.js';
import type { Shell } from './shell.js';

const F_DUPFD_CLOEXEC = 1030;

type KernelMemory = Pick<GuestMemory, 'devices' | 'nextVirtio' | 'hung'>;

interface Known {
  device: KnownDevice;
  pump: Pump | undefined;
  watcher: fs.FSWatcher | undefined;
}

export class Kernel {
  private readonly known = new Map<number, Known>();
  /** Backing files of drives that are not shown yet. */
  private readonly mounts = new Map<number, number>();
  private nextVirtio: number;
  private isHung: boolean;

  constructor(
    private readonly shell: Shell,
    private readonly hardware: Hardware,
    private readonly recalled: KernelMemory,
  ) {
    this.nextVirtio = recalled.nextVirtio;
    this.isHung = recalled.hung;
  }

  /** A hung kernel does nothing any more (fact 2). */
  get hung(): boolean {
    return this.isHung;
  }

  enter<T>(work: () => T): T {
    return this.shell.namespaces.enter(work);
  }

  /** Begins to look at the guest's bus; `fill` puts guest memory into its folders. */
  start(fill: () => void): void {
    this.prepareDrives();
    this.enter(() => {
      fill();
      control.watch(control.rescan, () => void this.rescan());
    });
  }

  setHostname(name: string): void {
    call('sethostname', name, Buffer.byteLength(name));
  }

  /** Brings back what the guest knew; inside its namespaces. */
  recall(): void {
    for (const device of this.recalled.devices) {
      const real = this.hardware.devices().find((one) => one.slot === device.slot && one.id === device.id);
      this.show(device, real);
    }
  }

  /** Finds devices that are new on the bus; inside the namespaces. */
  scan(): void {
    const present = this.hardware.devices();
    for (const { device } of this.known.values()) {
      const still = present.some(
        (one) => one.slot === device.slot && one.id === device.id && one.kind === device.kind,
      );
      if (!still) {
        this.hang();
        return;
      }
    }
    for (const device of present) {
      if (this.known.has(device.slot)) continue;
      if (device.spoiled) {
        this.show({ slot: device.slot, kind: device.kind, id: device.id }, undefined);
        continue;
      }
      this.show({ slot: device.slot, kind: device.kind, id: device.id, virtio: this.nextVirtio }, device);
      this.nextVirtio += 1;
    }
  }

  private async rescan(): Promise<void> {
    if (this.hung || !this.enter(() => control.take(control.rescan)) || !this.hardware.pci) return;
    await sleep(environment.timing.rescan);
    this.findNew();
  }

  private findNew(): void {
    if (this.hung) return;
    this.prepareDrives();
    this.enter(() => this.scan());
  }

  private hang(): void {
    log(
      'The guest kernel hung at a rescan: a device was unplugged that it had not removed',
      'Error',
      'fc_vcpu 0',
    );
    this.isHung = true;
    this.pausePumps();
  }

  private show(device: KnownDevice, real: GuestDevice | undefined): void {
    const known: Known = { device: { ...device }, pump: undefined, watcher: undefined };
    if (device.virtio !== undefined && device.kind === 'net') {
      const tap = makeGuestTap(device.ifname, device.mac ?? real?.nic?.mac ?? null, real?.nic?.mtu ?? null);
      known.device.ifname = tap.name;
      if (real?.nic) known.pump = new Pump(duplicate(real.nic.tap), tap);
    }
    if (device.virtio !== undefined && real?.drive) known.device.node = this.mountDrive(real, device.node);
    this.known.set(device.slot, known);
    if (!this.hardware.pci) return;
    showDevice(known.device);
    known.watcher = control.watch(control.remove(device.slot), () => this.removed(device.slot));
  }

  /** Drives get their nodes in the order in which they are found: /dev/vda, /dev/vdb, … */
  private mountDrive(real: GuestDevice, wanted: string | undefined): string {
    const taken = new Set([...this.known.values()].map(({ device }) => device.node));
    const letters = Array.from({ length: 26 }, (_, index) => `/dev/vd${String.fromCharCode(97 + index)}`);
    const node = wanted ?? letters.find((name) => !taken.has(name)) ?? '/dev/vdz';
    const mount = this.mounts.get(real.slot);
    this.mounts.delete(real.slot);
    if (mount !== undefined) attachDrive(mount, node, real.drive?.readOnly === true);
    return node;
  }

  /** The backing files as mounts, made outside of the guest: inside it they can't be reached. */
  private prepareDrives(): void {
    for (const device of this.hardware.devices()) {
      const shown = this.known.has(device.slot) || this.mounts.has(device.slot);
      if (device.drive && !shown && !device.spoiled)
        this.mounts.set(device.slot, detachedMount(device.drive.fd));
    }
  }

  /** A drive's backing file was exchanged under the running guest. */
  driveChanged(slot: number): void {
    const node = this.known.get(slot)?.device.node;
    const drive = this.hardware.devices().find((one) => one.slot === slot)?.drive;
    if (node === undefined || !drive) return;
    const mount = detachedMount(drive.fd);
    this.enter(() => {
      detachDrive(node);
      attachDrive(mount, node, drive.readOnly);
    });
  }

  /** The guest wrote to a device's `remove`: it forgets the device, the machine does not. */
  private removed(slot: number): void {
    const known = this.known.get(slot);
    if (!known || this.hung) return;
    this.enter(() => {
      if (!control.take(control.remove(slot))) return;
      known.watcher?.close();
      known.pump?.close();
      hideDevice(known.device);
      if (known.device.node !== undefined) detachDrive(known.device.node);
      this.known.delete(slot);
    });
  }

  /** The machine took a device away; the guest's kernel only finds out at its next rescan. */
  unplugged(slot: number): void {
    this.known.get(slot)?.pump?.close();
  }

  pausePumps(): void {
    for (const { pump } of this.known.values()) pump?.pause();
  }
  resumePumps(): void {
    if (!this.hung) for (const { pump } of this.known.values()) pump?.resume();
  }

  /** Runs a program of the guest to its end, even while it is paused, and returns its output. */
  async run(command: readonly [string, ...string[]], input = ''): Promise<string> {
    const child = this.enter(() =>
      spawn(command[0], command.slice(1), {
        cwd: '/',
        env: { PATH: guestPath },
        stdio: ['pipe', 'pipe', 'ignore'],
      }),
    );
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', () => resolve());
    });
    return output;
  }

  save(): KernelMemory & Pick<GuestMemory, 'entropy'> {
    const devices = this.enter(() =>
      [...this.known.values()].map(({ device }) => {
        if (device.ifname === undefined) return device;
        const file = `/sys/class/net/${device.ifname}/address`;
        return fs.existsSync(file) ? { ...device, mac: fs.readFileSync(file, 'utf8').trim() } : device;
      }),
    );
    return { devices, nextVirtio: this.nextVirtio, hung: this.hung, entropy: this.shell.entropy.save() };
  }
}

/** The pump gets a descriptor of its own, so that closing it leaves the machine's open. */
function duplicate(tap: Tap): Tap {
  return { name: tap.name, fd: call('fcntl', tap.fd, F_DUPFD_CLOEXEC, 3) };
}
