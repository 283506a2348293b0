import { access, constants, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cniFailed, cniListInvalid, cniPluginMissing } from '../../../daemon/api/errors/namespaces.js';
import { effect, look, type Context } from '../../contract.js';
import { CniList, type CniCommand } from '../cni/list.js';
import { CniError } from '../cni/result.js';

/** Milliseconds for one plugin; some wait for a DHCP server. */
const pluginDeadline = 60_000;

/** One call of one plugin. */
export interface PluginCall {
  readonly network: string;
  readonly command: CniCommand;
  readonly plugin: string;
  /** Folders of plugins, first match wins. */
  readonly path: readonly string[];
  readonly stdin: string;
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

async function run(call: PluginCall, cx: Context): Promise<unknown> {
  const { network, command, plugin, path, attachment } = call;
  const file = await find(plugin, path);
  const done = await execa(file, [], {
    input: call.stdin,
    reject: false,
    // A plugin that is ended in the middle leaves half of it; its DEL, which always follows, is for that.
    cancelSignal: cx.signal,
    forceKillAfterDelay: 1_000,
    timeout: pluginDeadline,
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
  const output = parse(done.stdout);
  if (!done.failed) return output;
  cx.signal.throwIfAborted();
  const error = CniError.safeParse(output);
  const said = error.success
    ? [error.data.msg, error.data.details].filter(Boolean).join(': ')
    : (done.stderr || done.stdout || (done.shortMessage ?? '')).slice(0, 500);
  const number = error.success ? error.data.code : null;
  throw cniFailed({ network, command, plugin, number, said }, { cause: done });
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

/** CHECK or STATUS of one plugin. @throws cniFailed, cniPluginMissing */
export const askPlugin = look('cni.ask', run);

/** A configuration list from its file. @throws cniListInvalid */
export const readList = look('cni.list', async (path: string): Promise<CniList> => {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'it can’t be read';
    throw cniListInvalid({ path, why }, { cause: error });
  }
  const list = CniList.safeParse(parse(text));
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
