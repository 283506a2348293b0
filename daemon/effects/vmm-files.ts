import { watch, type Stats } from 'node:fs';
import { access, constants, open, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { look } from '../../plugins/contract.js';

/** What tells one file from another, and from itself after a change. */
export interface FileStamp {
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
  /** Moves with the mode too. */
  readonly ctimeMs: number;
}

const stampOf = ({ ino, size, mtimeMs, ctimeMs }: Stats): FileStamp => ({ ino, size, mtimeMs, ctimeMs });

/** A file's stamp; null where there is none to be had. */
export const stampLook = look('vmm.stamp', async (path: string): Promise<FileStamp | null> => {
  try {
    return stampOf(await stat(path));
  } catch {
    // Why is said by whoever wants to execute it.
    return null;
  }
});

/** Why a file can't be executed, in words; null where it can. The first bytes count too, or libc would try a shell. */
export const executableLook = look(
  'vmm.executable',
  async (path: string): Promise<{ why: string } | { stamp: FileStamp }> => {
    let file;
    try {
      await access(path, constants.X_OK);
      file = await open(path);
      const stamp = stampOf(await file.stat());
      const { buffer, bytesRead } = await file.read(Buffer.alloc(elfHead), 0, elfHead, 0);
      const why = unfit(buffer.subarray(0, bytesRead));
      return why === null ? { stamp } : { why };
    } catch (error) {
      return { why: reasonOf(error) };
    } finally {
      await file?.close();
    }
  },
);

/** As far as `e_machine` in an ELF header. */
const elfHead = 20;
const machines: Readonly<Record<string, number>> = { x64: 0x3e, arm64: 0xb7 };

/** Why the kernel would not execute what begins so. */
function unfit(head: Buffer): string | null {
  if (head.toString('latin1', 0, 2) === '#!') return null;
  if (head.toString('latin1', 0, 4) !== '\x7fELF') return 'neither an ELF file nor a script';
  const ours = head.length === elfHead && head.readUInt16LE(18) === machines[process.arch];
  return ours ? null : 'an ELF file, but not for this architecture';
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'it may not be executed';
  if (code === 'EISDIR') return 'it is a directory';
  return error instanceof Error ? error.message : String(error);
}

/** The last lines of a file that are not empty, at most `bytes` of it; none where there is no such file. */
export const tailLook = look(
  'vmm.log-tail',
  async ({ path, bytes }: { path: string; bytes: number }): Promise<string[]> => {
    let file;
    try {
      file = await open(path);
      const { size } = await file.stat();
      const from = Math.max(0, size - bytes);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, from);
      const all = buffer.toString('utf8', 0, bytesRead).split('\n');
      const whole = from > 0 ? all.slice(1) : all;
      return whole.map((line) => line.replace(/[\p{Cc}\p{Cf}]/gu, ' ').trim()).filter((line) => line !== '');
    } catch {
      // The log is only evidence: a missing one must not hide the failure that it was wanted for.
      return [];
    } finally {
      await file?.close();
    }
  },
);

/** Whether somebody listens on a Unix socket. */
async function answers(path: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** Milliseconds between two looks at a socket that is there and does not take connections yet. */
const longestPause = 20;

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * Waits until somebody listens on a Unix socket, woken by inotify on its folder. Rejects with the context's reason.
 */
export const socketAwait = look('vmm.socket', async (path: string, cx): Promise<void> => {
  let wake: (() => void) | undefined;
  const woken = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });
  const onAbort = (): void => wake?.();
  let next = woken();
  const watcher = watch(dirname(path), (_event, name) => {
    if (name === null || name === basename(path)) wake?.();
  });
  // The folder can go while we wait; the process that was to listen there then ends the waiting.
  watcher.on('error', onAbort);
  cx.signal.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      cx.signal.throwIfAborted();
      // Between bind, which inotify tells, and listen, which nothing tells, lie some microseconds; on a host that is
      // busy, or whose memory is, any time.
      for (let pause = 0.25; await exists(path); pause = Math.min(pause * 2, longestPause)) {
        if (await answers(path)) return;
        await wait(pause, undefined, { signal: cx.signal }).catch(() => cx.signal.throwIfAborted());
      }
      await next;
      next = woken();
    }
  } finally {
    cx.signal.removeEventListener('abort', onAbort);
    watcher.close();
  }
});
