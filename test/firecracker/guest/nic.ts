/** A NIC of the guest: a tap in its network namespace, joined frame by frame to the host's. */
import fs from 'node:fs';
import { randomBytes } from 'node:crypto';
import { openTap, setMac, setMtu, type Tap } from '../native/tap.js';
import { type Reader, readDescriptor } from '../native/stream.js';

/** Largest TSO segment with its headers. */
const FRAME = 65536 + 64;

/** Made inside the guest's namespaces; the kernel picks `ethN` where no name is wished for. */
export function makeGuestTap(name: string | undefined, mac: string | null, mtu: number | null): Tap {
  const tap = openTap(name ?? 'eth%d');
  setMac(tap.name, mac ?? randomMac());
  if (mtu !== null) setMtu(tap.name, mtu);
  return tap;
}

/** What Linux's virtio_net does when the device brings no MAC. */
function randomMac(): string {
  const bytes = randomBytes(6);
  bytes[0] = ((bytes[0] ?? 0) & 0xfe) | 0x02;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

export class Pump {
  private readonly readers: Reader[];
  private open = true;

  /** Both descriptors belong to the pump from now on. */
  constructor(host: Tap, guest: Tap) {
    this.readers = [this.copy(host, guest), this.copy(guest, host)];
  }

  private copy(from: Tap, to: Tap): Reader {
    return readDescriptor(
      from.fd,
      FRAME,
      (frame) => {
        if (!this.open) return;
        try {
          fs.writeSync(to.fd, frame, 0, frame.length);
        } catch {
          // The other end is down (EIO), full (EAGAIN) or gone (EBADFD): a cable drops such frames.
        }
      },
      () => undefined,
    );
  }

  /** A paused guest neither sends nor receives. */
  pause(): void {
    for (const reader of this.readers) reader.pause();
  }
  resume(): void {
    for (const reader of this.readers) reader.resume();
  }

  close(): void {
    this.open = false;
    for (const reader of this.readers) reader.close();
  }
}
