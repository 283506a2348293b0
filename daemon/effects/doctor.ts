import { execFile } from 'node:child_process';
import { constants, type StatsFs } from 'node:fs';
import { access, copyFile, mkdtemp, open, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { type Context, look } from '../../plugins/contract.js';

// What `system.doctor` looks at. None of it changes anything that is there; the one file it makes, it takes away.

/** Whether something can be used as it must be; `errno` as the kernel names it. */
export type Usable =
  { readonly is: 'usable' } | { readonly is: 'missing' } | { readonly is: 'refused'; readonly errno: string };

function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : String(error);
}

async function usable(attempt: () => Promise<unknown>): Promise<Usable> {
  try {
    await attempt();
    return { is: 'usable' };
  } catch (error) {
    const errno = errnoOf(error);
    return errno === 'ENOENT' || errno === 'ENOTDIR' ? { is: 'missing' } : { is: 'refused', errno };
  }
}

/** Whether a file is there and may be executed. */
export const doctorExecutable = look('doctor.executable', (path: string) =>
  usable(() => access(path, constants.X_OK)),
);

/** Whether a device opens for reading and writing: a node of a driver that is not there says ENXIO or ENODEV. */
export const doctorDevice = look('doctor.device', (path: string) =>
  usable(async () => {
    const handle = await open(path, 'r+');
    await handle.close();
  }),
);

/** A text file whole, unpacked where its name ends in `.gz`; null where it can't be read. */
export const doctorText = look('doctor.text', async (path: string) => {
  try {
    const bytes = await readFile(path);
    return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
  } catch {
    return null;
  }
});

/** The names in a folder; none where it can't be read. */
export const doctorNames = look('doctor.names', async (dir: string): Promise<readonly string[]> => {
  try {
    return await readdir(dir);
  } catch {
    return [];
  }
});

/** Where in PATH a program is; null where nowhere. */
export const doctorProgram = look('doctor.program', async (name: string) => {
  const path = process.env['PATH'] ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  for (const dir of path.split(delimiter)) {
    const file = join(dir, name);
    if ((await usable(() => access(file, constants.X_OK))).is === 'usable') return file;
  }
  return null;
});

/** The file system that a folder lies on. */
export interface FileSystemFacts {
  /** `f_type` of statfs(2). */
  readonly magic: number;
  readonly totalBytes: number;
  /** What may be written without being root. */
  readonly freeBytes: number;
}

/** Null where the folder is not there. */
export const doctorFileSystem = look(
  'doctor.file-system',
  async (dir: string): Promise<FileSystemFacts | null> => {
    let found: StatsFs;
    try {
      found = await statfs(dir);
    } catch {
      return null;
    }
    const { type, bsize, blocks, bavail } = found;
    return { magic: type, totalBytes: blocks * bsize, freeBytes: bavail * bsize };
  },
);

/** Tries a reflink in a folder of its own: null where it works, the errno where not. */
export const doctorReflink = look('doctor.reflink', async (dir: string): Promise<string | null> => {
  let place: string | undefined;
  try {
    place = await mkdtemp(join(dir, '.doctor-'));
    const from = join(place, 'from');
    await writeFile(from, Buffer.alloc(4096, 1));
    await copyFile(from, join(place, 'to'), constants.COPYFILE_FICLONE_FORCE);
    return null;
  } catch (error) {
    return errnoOf(error);
  } finally {
    if (place !== undefined) await rm(place, { recursive: true, force: true });
  }
});

const run = promisify(execFile);

/** What `nft -j list chains` says, or in its own words why it says nothing. */
export const doctorChains = look(
  'doctor.chains',
  async (nft: string, cx: Context): Promise<{ readonly json: string } | { readonly why: string }> => {
    try {
      const { stdout } = await run(nft, ['-j', 'list', 'chains'], {
        signal: cx.signal,
        timeout: 5_000,
        maxBuffer: 2 ** 25,
        env: { PATH: process.env['PATH'], LC_ALL: 'C' },
      });
      return { json: stdout };
    } catch (error) {
      cx.signal.throwIfAborted();
      const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
      return { why: said === '' ? errnoOf(error) : (said.split('\n')[0] ?? said) };
    }
  },
);
