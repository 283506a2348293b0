/** A machine that has booted or was restored (src/vmm/src/lib.rs and src/vmm/src/device_manager). */
import type * as bodies from '../api/bodies.js';
import { Fault } from '../errors.js';
import type { Faults } from '../faults.js';
import type { Engine, EngineName, Guest, Recalled, Saved } from '../engines/engine.js';
import type { GuestDevice, Hardware } from '../guest/hardware.js';
import { log } from '../log.js';
import type { Version } from '../versions.js';
import type { MachineConfig, ShownConfig } from './config.js';
import { closeDrive, closeNic, type DriveDevice, makeDrive, makeNic, type NicDevice } from './devices.js';
import type { PciBus, Slot } from './pci-bus.js';
import type { MachineState } from './state-file.js';
import type { VsockDevice } from './vsock.js';

export interface Parts {
  version: Version;
  faults: Faults;
  machine: MachineConfig;
  bootSource: bodies.BootSource;
  pci: boolean;
  bus: PciBus;
  drives: (DriveDevice & Slot)[];
  nics: (NicDevice & Slot)[];
  vsock: (Slot & { device: VsockDevice }) | undefined;
  balloon: (Slot & { config: unknown }) | undefined;
  entropy: (Slot & { config: { rate_limiter: bodies.RateLimiter | null } }) | undefined;
  mmds: bodies.Mmds | null;
}

export class RunningMachine implements Hardware {
  state: 'Running' | 'Paused' = 'Paused';
  private guest: Guest | undefined;
  /** Since when nothing but a pause has happened: what makes the next resume lose vsock's wake-ups (fact 19). */
  private barePause = false;

  constructor(readonly parts: Parts) {}

  get pci(): boolean {
    return this.parts.pci;
  }

  get config(): MachineConfig {
    return this.parts.machine;
  }

  get bootSource(): bodies.BootSource {
    return this.parts.bootSource;
  }

  devices(): readonly GuestDevice[] {
    const { drives, nics, vsock, balloon, entropy } = this.parts;
    const at = (slot: Slot): Slot => ({ slot: slot.slot, spoiled: slot.spoiled });
    return [
      ...(balloon ? [{ ...at(balloon), kind: 'balloon' as const, id: 'balloon' }] : []),
      ...drives.map((drive) => ({
        ...at(drive),
        kind: 'block' as const,
        id: drive.config.drive_id,
        drive: { fd: drive.fd, readOnly: drive.config.is_read_only === true },
      })),
      ...nics.map((nic) => ({
        ...at(nic),
        kind: 'net' as const,
        id: nic.config.iface_id,
        nic: { tap: nic.tap, mac: nic.config.guest_mac, mtu: nic.config.mtu },
      })),
      ...(vsock ? [{ ...at(vsock), kind: 'vsock' as const, id: 'vsock' }] : []),
      ...(entropy ? [{ ...at(entropy), kind: 'rng' as const, id: 'rng' }] : []),
    ];
  }

  /** Lets a guest boot, where there is one to be had. */
  async boot(engine: Engine): Promise<void> {
    this.adopt(await engine.boot(this));
    this.state = 'Running';
  }

  /** Brings a guest back from its memory. */
  async restore(recalled: Recalled, realtime: boolean): Promise<void> {
    this.adopt(await recalled(this, realtime));
  }

  private adopt(guest: Guest | undefined): void {
    if (!guest) return;
    this.guest = guest;
    this.parts.vsock?.device.attach((port, offer) => guest.connect(port, offer));
  }

  async pause(): Promise<void> {
    if (this.state === 'Paused') return;
    this.state = 'Paused';
    this.barePause = true;
    this.parts.vsock?.device.hold();
    await this.guest?.pause();
  }

  async resume(): Promise<void> {
    if (this.state === 'Running') return;
    await this.guest?.resume();
    this.state = 'Running';
    this.parts.vsock?.device.release(this.barePause && this.parts.version.pauseBreaksVsock);
    this.barePause = false;
  }

  async plugNic(config: bodies.Nic): Promise<void> {
    if (!this.parts.pci) throw new Fault('PCI is not enabled');
    if (this.parts.nics.some((nic) => nic.config.iface_id === config.iface_id))
      throw new Fault('Device ID in use');
    if (
      config.guest_mac !== null &&
      this.parts.nics.some((nic) => nic.config.guest_mac === config.guest_mac)
    ) {
      throw new Fault(`Network config error: The MAC address is already in use: ${config.guest_mac}`);
    }
    const nic = made('Network config error: Could not create the network device: ', () => makeNic(config));
    try {
      const placed = { ...nic, ...this.parts.bus.plug() };
      this.parts.nics.push(placed);
      await this.guest?.plugged(placed.slot);
    } catch (error) {
      this.parts.nics = this.parts.nics.filter((one) => one.tap !== nic.tap);
      closeNic(nic);
      throw error;
    }
  }

  async plugDrive(config: bodies.Drive): Promise<void> {
    if (!this.parts.pci) throw new Fault('PCI is not enabled');
    if (this.parts.drives.some((drive) => drive.config.drive_id === config.drive_id))
      throw new Fault('Device ID in use');
    if (config.is_root_device) throw new Fault('Drive config error: A root block device already exists!');
    const drive = made('Drive config error: Unable to create the virtio block device: ', () =>
      makeDrive(config),
    );
    try {
      const placed = { ...drive, ...this.parts.bus.plug() };
      this.parts.drives.push(placed);
      await this.guest?.plugged(placed.slot);
    } catch (error) {
      this.parts.drives = this.parts.drives.filter((one) => one.fd !== drive.fd);
      closeDrive(drive);
      throw error;
    }
  }

  /** Only rate limiters can change. */
  updateNic(update: bodies.NicUpdate): void {
    const nic = this.parts.nics.find((one) => one.config.iface_id === update.iface_id);
    if (!nic) {
      throw new Fault(
        'Network config error: Unable to update the net device: Failed perform action on device: Device not found',
      );
    }
    nic.config.rx_rate_limiter = merged(nic.config.rx_rate_limiter, update.rx_rate_limiter);
    nic.config.tx_rate_limiter = merged(nic.config.tx_rate_limiter, update.tx_rate_limiter);
  }

  /** A new backing file, a new rate limiter, or both. */
  updateDrive(update: bodies.DriveUpdate): void {
    const refuse = (why: string): Fault =>
      new Fault(
        `Drive config error: Unable to patch the block device: ${why} Please verify the request arguments.`,
      );
    const index = this.parts.drives.findIndex((one) => one.config.drive_id === update.drive_id);
    const drive = this.parts.drives[index];
    if (!drive) throw refuse('Failed perform action on device: Device not found');
    if (update.path_on_host === null && update.rate_limiter === null) {
      throw refuse('Block: Running method expected different backend.');
    }
    drive.config.rate_limiter = merged(drive.config.rate_limiter, update.rate_limiter);
    if (update.path_on_host === null) return;
    let fresh: DriveDevice;
    try {
      fresh = makeDrive({ ...drive.config, path_on_host: update.path_on_host });
    } catch (error) {
      throw error instanceof Fault ? refuse(`Block: ${error.message}`) : error;
    }
    this.parts.drives[index] = { ...drive, ...fresh };
    this.guest?.driveChanged(drive.slot);
    closeDrive(drive);
  }

  async unplug(kind: 'nic' | 'drive', id: string): Promise<void> {
    const { parts } = this;
    if (!parts.pci) throw new Fault('PCI is not enabled');
    if (kind === 'nic') {
      const nic = parts.nics.find((one) => one.config.iface_id === id);
      if (!nic) throw new Fault('Device not found');
      parts.nics = parts.nics.filter((one) => one !== nic);
      await this.unplugged(nic.slot);
      closeNic(nic);
      return;
    }
    const drive = parts.drives.find((one) => one.config.drive_id === id);
    if (!drive) throw new Fault('Device not found');
    if (drive.config.is_root_device) throw new Fault('Cannot unplug root device');
    parts.drives = parts.drives.filter((one) => one !== drive);
    await this.unplugged(drive.slot);
    closeDrive(drive);
  }

  private async unplugged(slot: number): Promise<void> {
    this.parts.bus.unplug(slot);
    await this.guest?.unplugged(slot);
  }

  shown(): ShownConfig {
    const { parts } = this;
    return {
      balloon: parts.balloon?.config ?? null,
      drives: parts.drives.map((drive) => drive.config),
      bootSource: parts.bootSource,
      machine: parts.machine,
      mmds: parts.mmds,
      nics: parts.nics.map((nic) => nic.config),
      vsock: parts.vsock?.device.config ?? null,
      entropy: parts.entropy?.config ?? null,
    };
  }

  /** What a snapshot's two files hold. */
  async save(engine: EngineName): Promise<{ state: MachineState; guest: Saved | undefined }> {
    const { parts } = this;
    const at = <T>(slot: Slot, config: T): { slot: number; spoiled: boolean; config: T } => ({
      slot: slot.slot,
      spoiled: slot.spoiled,
      config,
    });
    const guest = await this.guest?.save();
    const state: MachineState = {
      machine: parts.machine,
      bootSource: parts.bootSource,
      pci: parts.pci,
      unplugs: parts.bus.unplugs,
      drives: parts.drives.map((drive) => at(drive, drive.config)),
      nics: parts.nics.map((nic) => at(nic, nic.config)),
      vsock: parts.vsock ? at(parts.vsock, parts.vsock.device.config) : null,
      entropy: parts.entropy ? at(parts.entropy, parts.entropy.config) : null,
      balloon: parts.balloon ? at(parts.balloon, parts.balloon.config) : null,
      engine: guest ? engine : null,
    };
    log('Saved the microVM state', 'Debug');
    return { state, guest };
  }

  /** After a snapshot: vsock's transport is reset, and that brings a lost wake-up back. */
  snapshotTaken(): void {
    this.barePause = false;
    this.guest?.resetVsock();
    this.parts.vsock?.device.reset();
  }
}

/** An update changes only the buckets that it brings. */
function merged(
  old: bodies.RateLimiter | null,
  update: bodies.RateLimiter | null,
): bodies.RateLimiter | null {
  if (!update) return old;
  return { bandwidth: update.bandwidth ?? old?.bandwidth ?? null, ops: update.ops ?? old?.ops ?? null };
}

function made<T>(prefix: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw error instanceof Fault ? new Fault(prefix + error.message) : error;
  }
}
