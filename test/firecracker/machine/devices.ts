/** The devices of a machine, each made as Firecracker makes it, with its errors. */
import fs from 'node:fs';
import type * as bodies from '../api/bodies.js';
import { Fault } from '../errors.js';
import { ioErrorText } from '../native/errno.js';
import { closeTap, IFNAMSIZ, openTap, type Tap } from '../native/tap.js';
import { SystemError } from '../native/libc.js';

export interface NicDevice {
  readonly config: bodies.Nic;
  readonly tap: Tap;
}

/** `NetError`'s words for what is wrong with a tap. */
function tapError(name: string, error: unknown): string {
  if (!(error instanceof SystemError)) throw error;
  if (error.call === 'open') return `Open tap device failed: Couldn't open /dev/net/tun: ${error.message}`;
  return (
    `Open tap device failed: Error while creating ifreq structure: ${error.message}. Invalid TUN/TAP Backend ` +
    `provided by ${name}. Check our documentation on setting up the network devices.`
  );
}

/** Opens a NIC's tap, which makes it where it is missing; throws a Fault with `NetError`'s words. */
export function makeNic(config: bodies.Nic): NicDevice {
  const name = config.host_dev_name;
  if (Buffer.byteLength(name) >= IFNAMSIZ) throw new Fault('Open tap device failed: Invalid interface name');
  let tap: Tap;
  try {
    tap = openTap(name);
  } catch (error) {
    throw new Fault(tapError(name, error));
  }
  if (config.mtu !== null && config.mtu < 68) {
    closeTap(tap);
    throw new Fault(`MTU ${config.mtu} is out of range [68, 65535]`);
  }
  return { config: { ...config, host_dev_name: tap.name }, tap };
}

export interface DriveDevice {
  readonly config: bodies.Drive;
  readonly fd: number;
}

/** Opens a drive's backing file, relative to the working directory; throws with `BlockError`'s words. */
export function makeDrive(config: bodies.Drive): DriveDevice {
  const path = config.path_on_host;
  if (path === null || config.socket !== null) {
    // A vhost-user drive (`socket` alone) is refused as a wrong one: there is nobody to talk to.
    throw new Fault('Invalid block config.');
  }
  try {
    const fd = fs.openSync(path, config.is_read_only ? fs.constants.O_RDONLY : fs.constants.O_RDWR);
    return { config, fd };
  } catch (error) {
    throw new Fault(
      `Virtio backend error: Error manipulating the backing file: ${ioErrorText(error)} ${path}`,
    );
  }
}

export function closeNic(nic: NicDevice): void {
  closeTap(nic.tap);
}

export function closeDrive(drive: DriveDevice): void {
  fs.closeSync(drive.fd);
}
