import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ThawError } from '../../../daemon/api/thaw-error.js';
import { loadPlugins } from '../../../daemon/plugins/load.js';
import type { PluginSet } from '../../../daemon/plugins/set.js';
import type { Context, Plugin, PluginHost, PluginKind } from '../../../plugins/contract.js';

/** What plugins did, in order. */
export type Diary = string[];

export interface Wish {
  readonly builtIn?: readonly unknown[];
  readonly paths?: readonly string[];
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly deadline?: number;
  readonly signal?: AbortSignal;
}

/** A plugin that notes its start and close in the diary. */
export function plugin(kind: PluginKind, name: string, diary: Diary = [], over: object = {}): Plugin {
  const made = {
    kind,
    name,
    contract: 1,
    config: z.strictObject({ size: z.int().min(0).default(1) }),
    start: () => {
      diary.push(`start ${name}`);
      return Promise.resolve({ close: () => Promise.resolve(void diary.push(`close ${name}`)) });
    },
    ...over,
  };
  // Tests give what no compiler would let pass.
  return made as unknown as Plugin;
}

export const fabric = (diary?: Diary): Plugin => plugin('fabric', 'bridge', diary);
export const storage = (diary?: Diary): Plugin => plugin('storage', 'local', diary);

/** Loads plugins as the daemon does; what they log goes to `diary`. */
export function load(wish: Wish, diary: Diary = []): Promise<PluginSet> {
  const host: Omit<PluginHost, 'cx'> = {
    storeDir: '/nowhere',
    runDir: '/nowhere',
    log: (level, message, data) => diary.push(`${level}: ${message} ${JSON.stringify(data ?? {})}`),
  };
  const cx: Context = {
    signal: wish.signal ?? new AbortController().signal,
    probe: { effect: () => undefined },
  };
  const builtIn = (wish.builtIn ?? [fabric(), storage()]) as Plugin[];
  const { paths = [], settings = {}, deadline = 5_000 } = wish;
  return loadPlugins({ builtIn, paths, settings, deadline }, host, cx);
}

/** Why plugins were refused; `loaded` where they were not. */
export async function refusal(wish: Wish, diary?: Diary): Promise<string> {
  try {
    await load(wish, diary);
  } catch (error) {
    if (error instanceof ThawError && error.reason === 'plugin-refused') return error.message;
    throw error;
  }
  return 'loaded';
}

/** A folder that only root can change, parents included: temporary folders are everybody's. */
export async function rootsFolder(t: { teardown(callback: () => Promise<void>): void }): Promise<string> {
  const dir = await mkdtemp('/run/thaw-plugins-');
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Writes a plugin's file. */
export async function pluginFile(dir: string, name: string, fields: string): Promise<string> {
  const path = join(dir, name);
  const config = '{ safeParse: (data) => ({ success: true, data }) }';
  await writeFile(path, `export default { contract: 1, config: ${config}, ${fields} };\n`, { mode: 0o644 });
  return path;
}
