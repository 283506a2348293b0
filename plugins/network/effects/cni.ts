import { access, constants, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa, type ResultPromise } from 'execa';
import {
  cniFailed,
  cniListInvalid,
  cniPluginMissing,
  cniUnavailable,
} from '../../../daemon/api/errors/namespaces.js';
import { effect, look, type Context } from '../../contract.js';
import { CniListFile, type CniCommand, type CniList } from '../cni/list.js';
import { CniError } from '../cni/result.js';

/** Bytes that a plugin may write; a result is some hundred. */
const mostOutput = 1024 * 1024;
/** Milliseconds for a plugin that is ended to clean up behind itself. */
const grace = 1_000;

/** One call of one plugin. */
export interface PluginCall {
  readonly network: string;
  readonly command: CniCommand;
  readonly plugin: string;
  /** Folders of plugins, first match wins. */
  readonly path: readonly string[];
  readonly stdin: string;
  /** Milliseconds that it may take. */
  readonly deadline: number;
  /** Left out for what concerns no attachment (GC, STATUS). */
  readonly attachment?: { readonly container: string; readonly netns: string; readonly link: string };
}

async function find(plugin: string, path: readonly string[]): Promise<string> {
  for (const folder of path) {
    const file = join(folder, plugin);
    try {
      await access(file, constants.X_OK);
      return file;
    } catch {
      // It may be in the next one.
    }
  }
  throw cniPluginMissing({ plugin, path: [...path] });
}

/** Ends a plugin and all that it has started, which may hold its output open. Returns how to call that off. */
function ender(child: Pick<ResultPromise, 'pid' | 'stdout' | 'stderr'>): {
  end: () => void;
  off: () => void;
} {
  let later: NodeJS.Timeout | undefined;
  const kill = (signal: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // Nobody of its group is left.
    }
  };
  const end = () => {
    kill('SIGTERM');
    later ??= setTimeout(() => {
      kill('SIGKILL');
      // Whoever left the group is not waited for.
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, grace);
  };
  return { end, off: () => clearTimeout(later) };
}

async function run(call: PluginCall, cx: Context): Promise<unknown> {
  const { network, command, plugin, path, attachment, deadline } = call;
  const file = await find(plugin, path);
  const child = execa(file, [], {
    input: call.stdin,
    reject: false,
    maxBuffer: mostOutput,
    // A group of its own, to be ended as a whole.
    detached: true,
    extendEnv: false,
    env: {
      // Plugins call iptables, and others of their kind by name.
      PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
      CNI_COMMAND: command,
      CNI_PATH: path.join(':'),
      ...(attachment && {
        CNI_CONTAINERID: attachment.container,
        CNI_NETNS: attachment.netns,
        CNI_IFNAME: attachment.link,
      }),
    },
  });
  const { end, off } = ender(child);
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort();
    end();
  }, deadline);
  // A plugin that is ended in the middle leaves half of it; its DEL, which always follows, is for that.
  cx.signal.addEventListener('abort', end, { once: true });
  const done = await child.finally(() => {
    clearTimeout(timer);
    cx.signal.removeEventListener('abort', end);
    off();
  });
  const output = parse(done.stdout);
  if (!done.failed && !late.signal.aborted) return output;
  cx.signal.throwIfAborted();
  const error = CniError.safeParse(output);
  const number = error.success ? error.data.code : null;
  if (command === 'STATUS' && (number === 50 || number === 51))
    throw cniUnavailable({ network, plugin, number, said: saidOf() }, { cause: done });
  throw cniFailed({ network, command, plugin, number, said: saidOf() }, { cause: done });

  function saidOf(): string {
    if (late.signal.aborted) return `it did not answer within ${deadline / 1000} s and was ended`;
    if (done.isMaxBuffer) return `it wrote more than ${mostOutput} bytes and was ended`;
    if (error.success) return [error.data.msg, error.data.details].filter(Boolean).join(': ');
    return (done.stderr || done.stdout || (done.shortMessage ?? '')).slice(0, 500);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** ADD, DEL or GC of one plugin. @throws cniFailed, cniPluginMissing */
export const callPlugin = effect('cni.call', run);

/** CHECK or STATUS of one plugin. @throws cniFailed, cniUnavailable, cniPluginMissing */
export const askPlugin = look('cni.ask', run);

/** Proves that plugins are there. @throws cniPluginMissing */
export const findPlugins = look(
  'cni.find',
  async ({ plugins, path }: { plugins: readonly string[]; path: readonly string[] }) => {
    for (const plugin of plugins) await find(plugin, path);
  },
);

/** A configuration list from its file. @throws cniListInvalid */
export const readList = look('cni.list', async (path: string): Promise<CniList> => {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'it can’t be read';
    throw cniListInvalid({ path, why }, { cause: error });
  }
  const list = CniListFile.safeParse(parse(text));
  if (list.success) return list.data;
  const [issue] = list.error.issues;
  throw cniListInvalid({ path, why: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it is no JSON'}` });
});

/** Makes the folder of the cache. */
export const openCache = effect('cni.open', async (dir: string) => {
  await mkdir(dir, { recursive: true, mode: 0o700 });
});

/** Writes a file of the cache, whole or not at all. */
export const writeCache = effect('cni.write', async ({ path, text }: { path: string; text: string }) => {
  try {
    await writeFile(`${path}.new`, text, { mode: 0o600 });
    await rename(`${path}.new`, path);
  } catch (error) {
    await rm(`${path}.new`, { force: true });
    throw error;
  }
});

export const removeCache = effect('cni.remove', (path: string) => rm(path, { force: true }));

/** A file of the cache; null where there is none. */
export const readCache = look('cni.read', (path: string) => readFile(path, 'utf8').catch(() => null));

/** The files of the cache. */
export const listCache = look('cni.cache', (dir: string) =>
  readdir(dir).then(
    (names) => names.filter((name) => name.endsWith('.json')),
    () => [],
  ),
);
