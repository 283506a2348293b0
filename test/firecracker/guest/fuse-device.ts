/**
 * /dev/urandom as a FUSE file system whose root is that one file: reads, writes and ioctls of the guest end up
 * here and nowhere else (the kernel's include/uapi/linux/fuse.h, protocol 7.31). The connection, and with it
 * the mount, dies with this process.
 */
import fs from 'node:fs';
import { attempt, call } from '../native/libc.js';
import { type Reader, readDescriptor } from '../native/stream.js';
import type { Entropy } from './entropy.js';

const OP = {
  getattr: 3,
  setattr: 4,
  forget: 2,
  open: 14,
  read: 15,
  write: 16,
  release: 18,
  fsync: 20,
  flush: 25,
  init: 26,
  interrupt: 36,
  ioctl: 39,
  batchForget: 42,
};
const HEADER_IN = 40;
const HEADER_OUT = 16;
const MAX_WRITE = 4096;
const ENOSYS = 38;
const ENOTTY = 25;
// Direct, no seeking, no shared offset: a stream.
const OPEN_FLAGS = 1 | 4 | 16;
const RNDADDENTROPY = 0x40085203;
const RNDRESEEDCRNG = 0x5207;
const RNDGETENTCNT = 0x80045200;

/** Opens /dev/fuse; undefined where the host has none. */
export function openFuse(): number | undefined {
  try {
    return call('open', '/dev/fuse', 2 | 0o4000 | 0o2000000, 0);
  } catch {
    return undefined;
  }
}

/** Mounts the device at `path`, inside the guest's mount namespace; false where FUSE is refused. */
export function mountFuse(fd: number, path: string): boolean {
  const options = `fd=${fd},rootmode=100666,user_id=0,group_id=0,allow_other`;
  return attempt('mount', 'random', path, 'fuse', 2 | 4, options);
}

function attributes(): Buffer {
  const out = Buffer.alloc(104);
  out.writeBigUInt64LE(3600n, 0);
  out.writeBigUInt64LE(1n, 16);
  out.writeUInt32LE(0o100666, 16 + 60);
  out.writeUInt32LE(1, 16 + 64);
  out.writeUInt32LE(4096, 16 + 80);
  return out;
}

function initAnswer(): Buffer {
  const out = Buffer.alloc(64);
  out.writeUInt32LE(7, 0);
  out.writeUInt32LE(31, 4);
  out.writeUInt16LE(16, 16);
  out.writeUInt16LE(12, 18);
  out.writeUInt32LE(MAX_WRITE, 20);
  out.writeUInt32LE(1, 24);
  return out;
}

/** The seed of an RNDADDENTROPY lies in its caller's memory: FUSE hands over the two counts only. */
function seedOf(pid: number, address: number, length: number): Buffer {
  const bytes = Buffer.alloc(Math.min(Math.max(length, 0), 4096));
  const memory = fs.openSync(`/proc/${pid}/mem`, 'r');
  try {
    fs.readSync(memory, bytes, 0, bytes.length, address + 8);
  } finally {
    fs.closeSync(memory);
  }
  return bytes;
}

function ioctl(request: Buffer, entropy: Entropy): Buffer | number {
  const body = request.subarray(HEADER_IN);
  const command = body.readUInt32LE(12);
  const out = Buffer.alloc(16);
  if (command === RNDRESEEDCRNG) {
    entropy.reseed('reseeded', Buffer.alloc(0));
    return out;
  }
  if (command === RNDADDENTROPY) {
    const seed = seedOf(request.readUInt32LE(32), Number(body.readBigUInt64LE(16)), body.readInt32LE(32 + 4));
    entropy.reseed('added', seed);
    return out;
  }
  if (command === RNDGETENTCNT) return Buffer.concat([out, Buffer.from([0, 1, 0, 0])]);
  return -ENOTTY;
}

function serve(request: Buffer, entropy: Entropy): Buffer | number | undefined {
  const body = request.subarray(HEADER_IN);
  switch (request.readUInt32LE(4)) {
    case OP.init:
      return initAnswer();
    case OP.getattr:
    case OP.setattr:
      return attributes();
    case OP.open: {
      const out = Buffer.alloc(16);
      out.writeUInt32LE(OPEN_FLAGS, 8);
      return out;
    }
    case OP.read:
      return entropy.draw(Math.min(body.readUInt32LE(16), 65536));
    case OP.write: {
      const size = body.readUInt32LE(16);
      entropy.reseed('written', Buffer.from(body.subarray(40, 40 + size)));
      const out = Buffer.alloc(8);
      out.writeUInt32LE(size);
      return out;
    }
    case OP.ioctl:
      return ioctl(request, entropy);
    case OP.release:
    case OP.flush:
    case OP.fsync:
      return 0;
    case OP.forget:
    case OP.batchForget:
    case OP.interrupt:
      return undefined;
    default:
      return -ENOSYS;
  }
}

/** Serves the device until it is closed. */
export function serveFuse(fd: number, entropy: Entropy): Reader {
  const onRequest = (request: Buffer): void => {
    let answer: Buffer | number | undefined;
    try {
      answer = serve(request, entropy);
    } catch {
      answer = -5;
    }
    if (answer === undefined) return;
    const data = typeof answer === 'number' ? Buffer.alloc(0) : answer;
    const head = Buffer.alloc(HEADER_OUT);
    head.writeUInt32LE(HEADER_OUT + data.length, 0);
    head.writeInt32LE(typeof answer === 'number' ? answer : 0, 4);
    request.copy(head, 8, 8, 16);
    try {
      fs.writeSync(fd, Buffer.concat([head, data]));
    } catch {
      // Its caller was killed meanwhile.
    }
  };
  return readDescriptor(fd, 64 * 1024 + HEADER_IN, onRequest, () => undefined);
}
