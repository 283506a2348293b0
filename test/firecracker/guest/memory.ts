/** The guest's memory in the snapshot's memory file: a file of the machine's size, sparse, with what the guest knows. */
import fs from 'node:fs';
import type { Archive } from './archive.js';
import type { EntropyMemory } from './entropy.js';
import type { NetworkMemory } from './network-state.js';
import type { ShownDevice } from './pci-sysfs.js';

/** A device as the guest's kernel knows it. */
export interface KnownDevice extends ShownDevice {
  id: string;
  mac?: string;
  /** Of a drive: its node in /dev. */
  node?: string;
}

export interface GuestMemory {
  hostname: string;
  /** Wall clock when the guest stopped, in ns. */
  clock: string;
  network: NetworkMemory;
  devices: KnownDevice[];
  nextVirtio: number;
  entropy: EntropyMemory;
  agentPort: number;
  /** The agent still holds a client that no longer exists (fact 4). */
  agentStuck: boolean;
  /** The kernel hung at a rescan (fact 2). */
  hung: boolean;
  /** The kernel has a driver for the VMM's generation id. */
  vmgenid: boolean;
  bootId: string;
}

export interface SavedGuest {
  memory: GuestMemory;
  files: Archive;
}

const MAGIC = Buffer.from('guest memory v1\n');
const HEAD = MAGIC.length + 8;

/** Writes guest memory as Firecracker does: a file of another size is truncated first, and it is synced. */
export async function writeMemoryFile(
  path: string,
  size: number,
  guest: SavedGuest | undefined,
): Promise<void> {
  const file = await fs.promises.open(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o644);
  try {
    if ((await file.stat()).size !== size) await file.truncate(0);
    await file.truncate(size);
    const bytes = guest ? encode(guest) : Buffer.alloc(HEAD);
    if (bytes.length > size) throw new Error(`the guest's ${bytes.length} bytes do not fit its memory`);
    await file.write(bytes, 0, bytes.length, 0);
    await file.sync();
  } finally {
    await file.close();
  }
}

function encode({ memory, files }: SavedGuest): Buffer {
  const head = Buffer.from(JSON.stringify({ memory, entries: files.entries }));
  const sizes = Buffer.alloc(8);
  sizes.writeUInt32LE(head.length, 0);
  sizes.writeUInt32LE(files.contents.length, 4);
  return Buffer.concat([MAGIC, sizes, head, files.contents]);
}

/**
 * The guest in a memory file; undefined where its bytes make no guest (one that loops, or a damaged file: the
 * real one would run it, and the guest would crash or be silent). Synchronous: a load is short, and has nothing
 * else to do.
 */
export function readMemoryFile(path: string): SavedGuest | undefined {
  const fd = fs.openSync(path, 'r');
  try {
    const start = read(fd, 0, HEAD);
    if (!start.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
    const length = start.readUInt32LE(MAGIC.length);
    const rest = read(fd, HEAD, length + start.readUInt32LE(MAGIC.length + 4));
    const head = JSON.parse(rest.toString('utf8', 0, length)) as {
      memory: GuestMemory;
      entries: Archive['entries'];
    };
    return { memory: head.memory, files: { entries: head.entries, contents: rest.subarray(length) } };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  } finally {
    fs.closeSync(fd);
  }
}

function read(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  if (fs.readSync(fd, bytes, 0, length, position) < length) throw new RangeError('short memory file');
  return bytes;
}
