import { mkdirSync, readFileSync, readdirSync, rmdirSync, statfsSync, watch, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemCallFailed } from '../api/errors/host.js';
import { effect, look } from '../../plugins/contract.js';

/** CGROUP2_SUPER_MAGIC of linux/magic.h. */
const cgroup2 = 0x63677270;

const errnoOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

function isCgroup2(dir: string): boolean {
  try {
    return statfsSync(dir).type === cgroup2;
  } catch {
    return false;
  }
}

const words = (path: string): readonly string[] => readFileSync(path, 'utf8').split(/\s+/).filter(Boolean);

/** The folders of the hierarchy that a folder lies in, or would, from its root down to it; none where there is none. */
function ancestry(dir: string): readonly string[] {
  const above = dirname(dir) === dir ? [] : ancestry(dirname(dir));
  return above.length > 0 || isCgroup2(dir) ? [...above, dir] : [];
}

/** Which controllers of cgroup v2 could be had beneath a folder; null where it is in no such hierarchy. */
export const cgroupControllers = look('cgroup.controllers', (dir: string): readonly string[] | null => {
  const [root] = ancestry(dir);
  return root === undefined ? null : words(join(root, 'cgroup.controllers'));
});

export interface CgroupWish {
  readonly path: string;
  /** Of which its files are. */
  readonly controllers: readonly string[];
  /** What is written into it, by name. */
  readonly files: Readonly<Record<string, string>>;
}

/** Makes a cgroup with its limits, and what is missing above it. @throws systemCallFailed; nothing of it is left then */
export const cgroupMake = effect('cgroup.make', ({ path, controllers, files }: CgroupWish) => {
  let what = path;
  try {
    for (const dir of ancestry(dirname(path))) {
      what = dir;
      mkdirSync(dir, { recursive: true, mode: 0o755 });
      const control = join(dir, 'cgroup.subtree_control');
      const missing = controllers.filter((name) => !words(control).includes(name));
      if (missing.length > 0) writeFileSync(control, missing.map((name) => `+${name}`).join(' '));
    }
    what = path;
    mkdirSync(path, { recursive: true, mode: 0o755 });
    for (const [name, text] of Object.entries(files)) {
      what = join(path, name);
      writeFileSync(what, text);
    }
  } catch (cause) {
    try {
      rmdirSync(path);
    } catch {
      // It was not made.
    }
    throw systemCallFailed({ what: `Making the cgroup (${what})`, errno: errnoOf(cause) }, { cause });
  }
});

/** Moves a process into a cgroup: what it allocates from then on is the cgroup's. @throws systemCallFailed */
export const cgroupEnter = effect('cgroup.enter', ({ path, pid }: { path: string; pid: number }) => {
  try {
    writeFileSync(join(path, 'cgroup.procs'), String(pid));
  } catch (cause) {
    throw systemCallFailed({ what: `Moving process ${pid} into ${path}`, errno: errnoOf(cause) }, { cause });
  }
});

/** Removes a cgroup, and ends what is still in it; one that is not there is as good. Waits for what ends. */
export const cgroupRemove = effect('cgroup.remove', async (path: string, cx): Promise<void> => {
  for (;;) {
    cx.signal.throwIfAborted();
    try {
      rmdirSync(path);
      return;
    } catch (cause) {
      const errno = errnoOf(cause);
      if (errno === 'ENOENT') return;
      if (errno !== 'EBUSY') throw systemCallFailed({ what: `Removing ${path}`, errno }, { cause });
    }
    await emptied(path, cx.signal);
  }
});

/** Ends what is in a cgroup and waits until the kernel tells (`cgroup.events`) that nothing is. */
async function emptied(path: string, signal: AbortSignal): Promise<void> {
  const events = join(path, 'cgroup.events');
  let wake: () => void = () => undefined;
  const changed = new Promise<void>((resolve) => (wake = resolve));
  const watcher = watch(events, () => wake());
  watcher.once('error', () => wake());
  signal.addEventListener('abort', wake);
  try {
    writeFileSync(join(path, 'cgroup.kill'), '1');
    // Looked at once the watch is on: no change is missed.
    if (words(events).join(' ').includes('populated 1')) await changed;
  } catch (error) {
    // Gone meanwhile, which is all that was wanted.
    if (!['ENOENT', 'ENODEV'].includes(errnoOf(error))) throw error;
  } finally {
    signal.removeEventListener('abort', wake);
    watcher.close();
  }
}

/** What a cgroup holds. */
export interface CgroupFacts {
  readonly pids: readonly number[];
  readonly files: Readonly<Record<string, string>>;
  /** How often the kernel ended something in it for its memory. */
  readonly oomKills: number;
}

/** A cgroup with those of its files that are asked for; null where it is not there. */
export const cgroupLook = look(
  'cgroup.look',
  ({ path, names }: { path: string; names: readonly string[] }): CgroupFacts | null => {
    try {
      const text = (name: string): string => readFileSync(join(path, name), 'utf8').trim();
      const kills = names.includes('memory.events')
        ? /^oom_kill (\d+)$/m.exec(text('memory.events'))?.[1]
        : '0';
      return {
        pids: words(join(path, 'cgroup.procs')).map(Number),
        files: Object.fromEntries(names.map((name) => [name, text(name)])),
        oomKills: Number(kills ?? 0),
      };
    } catch {
      return null;
    }
  },
);

/** Cgroups right beneath one, by name; `empty` where nothing is in them. None where it is not there. */
export const cgroupNames = look('cgroup.names', (parent: string) => {
  if (!isCgroup2(parent)) return [];
  return readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => ({ name, empty: words(join(parent, name, 'cgroup.procs')).length === 0 }));
});
