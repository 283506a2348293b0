import { execFileSync } from 'node:child_process';
import { readSync, writeSync } from 'node:fs';
import type { Grant } from '../../../plugins/contract.js';
import { closeTap, openTap, type OpenTap } from '../../../plugins/network/effects/tun.js';

/** Bytes before each frame: `struct virtio_net_hdr`. */
const vnetHeader = 10;
const broadcast = 'ff:ff:ff:ff:ff:ff';

export const macBytes = (mac: string) => Buffer.from(mac.replaceAll(':', ''), 'hex');
export const addressBytes = (address: string) => Buffer.from(address.split('.').map(Number));

function ethernet(type: number, payload: Buffer, from: string, to = broadcast): Buffer {
  const kind = Buffer.alloc(2);
  kind.writeUInt16BE(type);
  return Buffer.concat([
    macBytes(to),
    macBytes(from),
    kind,
    payload,
    Buffer.alloc(Math.max(0, 46 - payload.length)),
  ]);
}

export interface Who {
  readonly mac: string;
  readonly address: string;
}

/** The default network's gateway. */
export const gateway = '10.209.0.1';

export function who({ mac, addresses }: Grant): Who {
  return { mac, address: addresses[0]?.split('/')[0] ?? '' };
}

/** The MAC of a link of this namespace. */
export function macOf(link: string): string {
  const [found] = JSON.parse(execFileSync('ip', ['-json', 'link', 'show', link], { encoding: 'utf8' })) as {
    address: string;
  }[];
  return found?.address ?? '';
}

/** An ARP packet in a frame from `frameMac`; `answer`: a reply, otherwise a request for `target`. */
export function arp(who: Who, target: string, more: { frameMac?: string; answer?: boolean } = {}): Buffer {
  const body = Buffer.concat([
    Buffer.from([0, 1, 8, 0, 6, 4, 0, more.answer === true ? 2 : 1]),
    macBytes(who.mac),
    addressBytes(who.address),
    Buffer.alloc(6),
    addressBytes(target),
  ]);
  return ethernet(0x0806, body, more.frameMac ?? who.mac);
}

/** A UDP datagram. */
export function udp(who: Who, to: { mac?: string; address: string; port: number; from?: number }): Buffer {
  const datagram = Buffer.alloc(16);
  datagram.writeUInt16BE(to.from ?? 40_000, 0);
  datagram.writeUInt16BE(to.port, 2);
  datagram.writeUInt16BE(datagram.length, 4);
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(header.length + datagram.length, 2);
  header[8] = 64;
  header[9] = 17;
  addressBytes(who.address).copy(header, 12);
  addressBytes(to.address).copy(header, 16);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += header.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  header.writeUInt16BE(~sum & 0xffff, 10);
  return ethernet(0x0800, Buffer.concat([header, datagram]), who.mac, to.mac);
}

/** An ICMPv6 message of this type from a link-local address: 134 is a router advertisement. */
export function icmp6(mac: string, type: number): Buffer {
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(16, 4);
  header[6] = 58;
  header[7] = 255;
  Buffer.from('fe800000000000000000000000000001', 'hex').copy(header, 8);
  Buffer.from('ff020000000000000000000000000001', 'hex').copy(header, 24);
  return ethernet(0x86dd, Buffer.concat([header, Buffer.from([type]), Buffer.alloc(15)]), mac);
}

/** The same frame with an 802.1Q tag. */
export function tagged(frame: Buffer): Buffer {
  return Buffer.concat([frame.subarray(0, 12), Buffer.from([0x81, 0, 0, 5]), frame.subarray(12)]);
}

/** A frame of some other protocol. */
export function strange(mac: string): Buffer {
  return ethernet(0x88b5, Buffer.from('hello'), mac);
}

/** Who holds the other end of a tap: what Firecracker and its guest are to the host. */
export class Guest {
  readonly #tap: OpenTap;
  readonly #buffer = Buffer.alloc(65_600);

  constructor(readonly name: string) {
    const tap = openTap(name, false);
    if (typeof tap === 'number') throw new Error(`the tap ${name} can't be opened: ${String(tap)}`);
    this.#tap = tap;
  }

  send(frame: Buffer): void {
    writeSync(this.#tap.fd, Buffer.concat([Buffer.alloc(vnetHeader), frame]));
  }

  /** The frames that have come in since the last time. */
  received(): readonly Buffer[] {
    const frames: Buffer[] = [];
    for (;;) {
      try {
        const length = readSync(this.#tap.fd, this.#buffer);
        frames.push(Buffer.from(this.#buffer.subarray(vnetHeader, length)));
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return frames;
        throw error;
      }
    }
  }

  close(): void {
    closeTap(this.#tap);
  }
}
