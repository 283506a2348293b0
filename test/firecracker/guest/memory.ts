/** The guest's memory in the snapshot's memory file: a file of the machine's size, sparse, with what the guest knows. */
import { constants } from 'node:fs';
import fs from 'node:fs/promises';
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
  const file = await fs.open(path, constants.O_RDWR | constants.O_CREAT, 0o644);
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
 * real one would run it, and the guest would crash or be silent).
 */
export async function readMemoryFile(path: string): Promise<SavedGuest | undefined> {
  const file = await fs.open(path, 'r');
  try {
    const start = await read(file, 0, HEAD);
    if (!start.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
    const length = start.readUInt32LE(MAGIC.length);
    const head = JSON.parse((await read(file, HEAD, length)).toString('utf8')) as {
      memory: GuestMemory;
      entries: Archive['entries'];
    };
    const contents = await read(file, HEAD + length, start.readUInt32LE(MAGIC.length + 4));
    return { memory: head.memory, files: { entries: head.entries, contents } };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  } finally {
    await file.close();
  }
}

async function read(file: fs.FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, position);
  if (bytesRead < length) throw new RangeError('short memory file');
  return bytes;
}
