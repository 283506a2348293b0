/** Guest memory, read out of the QEMU that has it. */
import fs from 'node:fs';

const PIECE = 1024 * 1024;
const PAGE = 4096;
const zeros = Buffer.alloc(PAGE);

/** Writes a stopped guest's memory to a file, as Firecracker does: of its whole size, synced. Empty pages are holes. */
export async function dumpMemory(pid: number, path: string, size: number): Promise<void> {
  const start = startOfMemory(pid, size);
  const memory = await fs.promises.open(`/proc/${pid}/mem`, 'r');
  try {
    const file = await fs.promises.open(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o644);
    try {
      await file.truncate(0);
      await file.truncate(size);
      const piece = Buffer.allocUnsafe(Math.min(PIECE, size));
      for (let at = 0; at < size; at += PIECE) {
        const { bytesRead } = await memory.read(piece, 0, piece.length, start + at);
        if (bytesRead < piece.length)
          throw new RangeError(`QEMU's memory ends after ${at + bytesRead} bytes`);
        for (const [from, to] of filled(piece)) await file.write(piece, from, to - from, at + from);
      }
      await file.sync();
    } finally {
      await file.close();
    }
  } finally {
    await memory.close();
  }
}

/** The one mapping of this size is the guest's memory: a file's, so that the kernel joins it with no other. */
function startOfMemory(pid: number, size: number): number {
  for (const line of fs.readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const [, from = '', to = '', path = ''] =
      /^([0-9a-f]+)-([0-9a-f]+) rw\S+ \S+ \S+ \S+ *(.*)$/.exec(line) ?? [];
    const start = Number.parseInt(from, 16);
    if (path !== '' && Number.parseInt(to, 16) - start === size) return start;
  }
  throw new RangeError(`QEMU has no mapping of ${size} bytes`);
}

/** Runs of pages that are not empty. */
function* filled(piece: Buffer): Generator<readonly [from: number, to: number]> {
  let from = -1;
  for (let at = 0; at < piece.length; at += PAGE) {
    const empty = piece.compare(zeros, 0, PAGE, at, at + PAGE) === 0;
    if (!empty && from < 0) from = at;
    if (empty && from >= 0) {
      yield [from, at];
      from = -1;
    }
  }
  if (from >= 0) yield [from, piece.length];
}
