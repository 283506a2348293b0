/**
 * The snapshot's state file: magic, format version, vCPU state, device state, CRC64, in the order and with the
 * errors of Firecracker's (src/vmm/src/snapshot/mod.rs). In place of bitcode: little-endian numbers and lengths,
 * and JSON for what the stand-in keeps. As there, the whole is decoded before magic, version and checksum are
 * looked at, so that a cut or foreign file is a `bitcode error` and a flipped bit mostly a CRC error.
 */
import fs from 'node:fs';
import { createHash } from 'node:crypto';
import type * as bodies from '../api/bodies.js';
import type { EngineName } from '../engines/engine.js';
import { Fault } from '../errors.js';
import { ioErrorText } from '../native/errno.js';
import type { Version } from '../versions.js';
import type { MachineConfig } from './config.js';
import { crc64 } from './crc64.js';

const MAGIC = process.arch === 'arm64' ? 0x0710_1984_aaaa_0000n : 0x0710_1984_8664_0000n;
/** What a vCPU takes; a real one's is larger, but checksumming that would cost more than it shows. */
const VCPU_BYTES = 3_000;
const LIMIT = 10_000_000;

/** A device and its place on the bus. */
export interface Placed<T> {
  slot: number;
  /** Plugged in after an unplug (fact 3). */
  spoiled: boolean;
  config: T;
}

export interface MachineState {
  machine: MachineConfig;
  bootSource: bodies.BootSource;
  pci: boolean;
  /** Devices unplugged in this VM's life, its snapshots' lives included (fact 3). */
  unplugs: number;
  drives: Placed<bodies.Drive>[];
  nics: Placed<bodies.Nic>[];
  vsock: Placed<{ guest_cid: number; uds_path: string }> | null;
  entropy: Placed<{ rate_limiter: bodies.RateLimiter | null }> | null;
  balloon: Placed<unknown> | null;
  /** What the guest ran on; null for one that loops, with nothing in its memory. */
  engine: EngineName | null;
}

const loadError = (what: string): Fault => new Fault(`Failed to load snapshot state from file: ${what}`);
const bitcodeError = (): Fault => loadError('An error occurred during bitcode serialization: bitcode error');

/** Registers that no guest of the stand-in has: bytes that depend on nothing but their number. */
function vcpuBytes(count: number): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i * 32 < VCPU_BYTES * count; i += 1) {
    parts.push(createHash('sha256').update(`vcpu ${i}`).digest());
  }
  return Buffer.concat(parts);
}

function block(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The bytes of a state file; `cpu` is what the guest's engine keeps of its processors. */
export function encodeState(state: MachineState, version: Version, cpu?: Buffer): Buffer {
  const head = Buffer.alloc(8 + 12);
  head.writeBigUInt64LE(MAGIC);
  version.format.forEach((part, index) => head.writeUInt32LE(part, 8 + 4 * index));
  const body = Buffer.concat([
    head,
    block(cpu ?? vcpuBytes(state.machine.vcpu_count)),
    block(Buffer.from(JSON.stringify(state))),
  ]);
  const crc = Buffer.alloc(8);
  crc.writeBigUInt64LE(crc64(body));
  return Buffer.concat([body, crc]);
}

interface Decoded {
  magic: bigint;
  format: [number, number, number];
  state: MachineState;
  cpu: Buffer;
}

/** What a state file says. */
export type State = Pick<Decoded, 'state' | 'cpu'>;

function decodeBody(bytes: Buffer): Decoded {
  try {
    let offset = 20;
    const take = (): Buffer => {
      const length = bytes.readUInt32LE(offset);
      const part = bytes.subarray(offset + 4, offset + 4 + length);
      if (part.length !== length) throw bitcodeError();
      offset += 4 + length;
      return part;
    };
    const cpu = take();
    const state = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(take())) as MachineState;
    if (offset !== bytes.length) throw bitcodeError();
    const format: [number, number, number] = [
      bytes.readUInt32LE(8),
      bytes.readUInt32LE(12),
      bytes.readUInt32LE(16),
    ];
    return { magic: bytes.readBigUInt64LE(0), format, state, cpu };
  } catch {
    throw bitcodeError();
  }
}

/** The state in a file's bytes; throws the fault that Firecracker words. */
export function decodeState(bytes: Buffer, version: Version): State {
  if (bytes.length > LIMIT) throw loadError(`Snapshot size exceeds limit of ${LIMIT} bytes`);
  if (bytes.length < 8) throw loadError('IO Error: File too short to contain CRC');
  const { magic, format, state, cpu } = decodeBody(bytes.subarray(0, -8));
  // Another format's fields would not decode in the first place (facts/firecracker.md, "Compatibility").
  if (format[0] !== version.format[0]) throw bitcodeError();
  if (magic !== MAGIC) throw loadError(`Magic value does not match arch: ${magic}`);
  if (format[1] > version.format[1]) throw loadError(`Invalid data version: ${format.join('.')}`);
  if (crc64(bytes) !== 0n) throw loadError('CRC64 validation failed');
  return { state, cpu };
}

/** Reads a state file, relative to the working directory. */
export function readStateFile(path: string, version: Version): State {
  let bytes: Buffer;
  let fd: number;
  try {
    fd = fs.openSync(path, 'r');
  } catch (error) {
    throw new Fault(`Failed to open snapshot file: ${ioErrorText(error)}`);
  }
  try {
    bytes = fs.readFileSync(fd);
  } catch (error) {
    throw loadError(`IO Error: ${ioErrorText(error)}`);
  } finally {
    fs.closeSync(fd);
  }
  return decodeState(bytes, version);
}
