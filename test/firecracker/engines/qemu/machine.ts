/** The machine that QEMU emulates: its devices, its processors' state. */
import fs from 'node:fs';
import { Fault } from '../../errors.js';
import type { GuestDevice } from '../../guest/hardware.js';
import { call } from '../../native/libc.js';
import { busId } from './command-line.js';
import { type Qmp, QmpError } from './qmp.js';

const CLOEXEC = 1;

export class QemuMachine {
  constructor(private readonly qmp: Qmp) {}

  /** Puts a device into its slot. Those that a guest is to find at boot are put there before it runs. */
  async plug(device: GuestDevice): Promise<void> {
    const { slot, kind } = device;
    const place = { id: deviceId(slot), bus: busId, addr: slot.toString(16), 'disable-legacy': 'on' };
    await refusing(`plug ${kind} ${device.id} in`, async () => {
      if (device.nic) {
        const { tap, mac, mtu } = device.nic;
        await this.qmp.ask('getfd', { fdname: tap.name }, tap.fd);
        await this.qmp.ask('netdev_add', { type: 'tap', id: backendId(slot), fd: tap.name });
        const nic = { driver: 'virtio-net-pci', netdev: backendId(slot), romfile: '' };
        await this.qmp.ask('device_add', {
          ...place,
          ...nic,
          ...(mac === null ? {} : { mac }),
          ...(mtu === null ? {} : { host_mtu: mtu }),
        });
      } else if (device.drive) {
        const { fd, readOnly } = device.drive;
        const file = { driver: 'file', filename: `/proc/${process.pid}/fd/${fd}`, locking: 'off' };
        const node = { 'node-name': backendId(slot), 'read-only': readOnly };
        await this.qmp.ask('blockdev-add', { driver: 'raw', ...node, file });
        await this.qmp.ask('device_add', { ...place, driver: 'virtio-blk-pci', drive: backendId(slot) });
      } else if (kind === 'rng') {
        await this.qmp.ask('device_add', { ...place, driver: 'virtio-rng-pci' });
      }
      // Vsock is the serial channel, and a balloon does nothing.
    });
  }

  /** Takes a device away at once, whether or not the guest has let go of it. */
  async unplug(slot: number, kind: 'net' | 'block'): Promise<void> {
    await refusing(`unplug slot ${slot}`, async () => {
      const gone = this.qmp.next(
        ({ event, data }) => event === 'DEVICE_DELETED' && data['device'] === deviceId(slot),
      );
      gone.catch(() => undefined);
      await this.qmp.ask('device_del', { id: deviceId(slot) });
      await gone;
      if (kind === 'net') await this.qmp.ask('netdev_del', { id: backendId(slot) });
      else await this.qmp.ask('blockdev-del', { 'node-name': backendId(slot) });
    });
  }

  /**
   * Processors and devices of the stopped machine. Xen's command is the one that leaves memory out, whether or not it
   * is shared; a migration would not with a clone's private memory.
   */
  async save(): Promise<Buffer> {
    const fd = memoryFile();
    try {
      const filename = `/proc/${process.pid}/fd/${fd}`;
      await refusing('save the state', () =>
        this.qmp.ask('xen-save-devices-state', { filename, live: false }),
      );
      return fs.readFileSync(filename);
    } finally {
      fs.closeSync(fd);
    }
  }

  /** Brings them back; a machine whose devices are in their slots, and that does not run afterwards. */
  async load(state: Buffer): Promise<void> {
    const fd = memoryFile();
    try {
      // At positions: QEMU reads from where the descriptor stands.
      fs.writeSync(fd, state, 0, state.length, 0);
      await refusing('load the state', async () => {
        await this.qmp.ask('migrate-set-capabilities', {
          capabilities: [{ capability: 'events', state: true }],
        });
        const over = this.qmp.next(
          ({ event, data }) =>
            event === 'MIGRATION' && (data['status'] === 'completed' || data['status'] === 'failed'),
        );
        over.catch(() => undefined);
        await this.qmp.ask('getfd', { fdname: 'state' }, fd);
        await this.qmp.ask('migrate-incoming', { uri: 'fd:state' });
        const { data } = await over;
        if (data['status'] === 'failed') throw new QmpError('migrate-incoming failed');
      });
    } finally {
      fs.closeSync(fd);
    }
  }
}

const deviceId = (slot: number): string => `device${slot}`;
const backendId = (slot: number): string => `backend${slot}`;

/** A file that nobody has to remove. */
const memoryFile = (): number => call('memfd_create', 'qemu-state', CLOEXEC);

async function refusing<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof QmpError ? new Fault(`QEMU could not ${what}: ${error.message}`) : error;
  }
}
