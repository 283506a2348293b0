/** What was configured before boot, each device made at once as Firecracker does (src/vmm/src/resources.rs). */
import fs from 'node:fs';
import type * as bodies from '../api/bodies.js';
import { Fault } from '../errors.js';
import type { Faults } from '../faults.js';
import { ioErrorText } from '../native/errno.js';
import {
  defaultMachine,
  type MachineConfig,
  noBootSource,
  type ShownConfig,
  updateMachine,
} from './config.js';
import { closeDrive, closeNic, type DriveDevice, makeDrive, makeNic, type NicDevice } from './devices.js';
import { VsockDevice } from './vsock.js';

/** Throws a fault with a prefix before its message. */
function prefixed<T>(prefix: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Fault) throw new Fault(prefix + error.message);
    throw error;
  }
}

export class Resources {
  machine: MachineConfig = defaultMachine;
  bootSource: bodies.BootSource = noBootSource;
  drives: DriveDevice[] = [];
  nics: NicDevice[] = [];
  vsock: VsockDevice | undefined;
  balloon: { amount_mib: number } | null = null;
  entropy: { rate_limiter: bodies.RateLimiter | null } | null = null;
  mmds: bodies.Mmds | null = null;
  /** Kernel and initrd: open from their configuration on. */
  readonly #bootFiles: number[] = [];

  constructor(private readonly faults: Faults) {}

  setBootSource(config: bodies.BootSource): void {
    prefixed('Boot source error: ', () => {
      const opened = [open(config.kernel_image_path, 'The kernel file cannot be opened: ')];
      try {
        const complaint = 'The initrd file cannot be opened due to invalid path or invalid permissions. ';
        if (config.initrd_path !== null) opened.push(open(config.initrd_path, complaint));
      } catch (error) {
        for (const fd of opened) fs.closeSync(fd);
        throw error;
      }
      for (const fd of this.#bootFiles.splice(0)) fs.closeSync(fd);
      this.#bootFiles.push(...opened);
    });
    this.bootSource = config;
  }

  setMachine(update: bodies.MachineUpdate): void {
    const machine = updateMachine(this.machine, update);
    if (this.balloon && machine.mem_size_mib < this.balloon.amount_mib) {
      throw new Fault(
        'Machine config error: The memory size (MiB) is smaller than the previously set balloon device target size.',
      );
    }
    this.machine = machine;
  }

  setBalloon(config: bodies.Balloon): void {
    if (config.amount_mib > this.machine.mem_size_mib) {
      throw new Fault('Balloon config error: Amount of pages requested is too large.');
    }
    this.balloon = config;
  }

  insertNic(config: bodies.Nic): void {
    prefixed('Network config error: ', () => {
      const twin = this.nics.some(
        (nic) => nic.config.guest_mac === config.guest_mac && nic.config.iface_id !== config.iface_id,
      );
      if (config.guest_mac !== null && twin)
        throw new Fault(`The MAC address is already in use: ${config.guest_mac}`);
      // The old device of that id goes first, so that its tap is free, and is gone even if the new one fails.
      const index = this.nics.findIndex((nic) => nic.config.iface_id === config.iface_id);
      if (index >= 0) {
        const [old] = this.nics.splice(index, 1);
        if (old) closeNic(old);
      }
      this.nics.push(prefixed('Could not create the network device: ', () => makeNic(config)));
    });
  }

  insertDrive(config: bodies.Drive): void {
    prefixed('Drive config error: ', () => {
      const position = this.drives.findIndex((drive) => drive.config.drive_id === config.drive_id);
      const hasRoot = this.drives[0]?.config.is_root_device === true;
      if (config.is_root_device && hasRoot && position !== 0)
        throw new Fault('A root block device already exists!');
      const drive = prefixed('Unable to create the virtio block device: ', () => makeDrive(config));
      const old = this.drives[position];
      if (old) closeDrive(old);
      if (position >= 0) this.drives.splice(position, 1);
      if (config.is_root_device) this.drives.unshift(drive);
      else this.drives.splice(position >= 0 ? position : this.drives.length, 0, drive);
    });
  }

  async setVsock(config: bodies.Vsock): Promise<void> {
    const plain = { guest_cid: config.guest_cid, uds_path: config.uds_path };
    const prefix = 'Vsock config error: Cannot create backend for vsock device: ';
    if (this.vsock) {
      try {
        fs.unlinkSync(this.vsock.config.uds_path);
      } catch (error) {
        throw new Fault(`${prefix}Error binding to the host-side Unix socket: ${ioErrorText(error)}`);
      }
    }
    this.vsock = undefined;
    try {
      this.vsock = await VsockDevice.bind(plain, this.faults);
    } catch (error) {
      throw error instanceof Fault ? new Fault(prefix + error.message) : error;
    }
  }

  setMmds(config: bodies.Mmds): void {
    const refuse = (why: string): Fault => new Fault(`MMMDS config error: ${why}`);
    const address = config.ipv4_address;
    if (address !== null && !/^169\.254\./.test(address))
      throw refuse('The MMDS IPv4 address is not link local.');
    if (config.network_interfaces.length === 0) {
      throw refuse('The list of network interface IDs that allow forwarding MMDS requests is empty.');
    }
    if (!config.network_interfaces.every((id) => this.nics.some((nic) => nic.config.iface_id === id))) {
      throw refuse(
        'The list of network interface IDs provided contains at least one ID that does not correspond to any existing network interface.',
      );
    }
    this.mmds = { ...config, ipv4_address: address ?? '169.254.169.254' };
  }

  shown(): ShownConfig {
    return {
      balloon: this.balloon,
      drives: this.drives.map((drive) => drive.config),
      bootSource: this.bootSource,
      machine: this.machine,
      mmds: this.mmds,
      nics: this.nics.map((nic) => nic.config),
      vsock: this.vsock?.config ?? null,
      entropy: this.entropy,
    };
  }
}

function open(path: string, complaint: string): number {
  try {
    return fs.openSync(path, 'r');
  } catch (error) {
    throw new Fault(complaint + ioErrorText(error));
  }
}
