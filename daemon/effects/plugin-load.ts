import { lstat, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, parse } from 'node:path';
import { pathToFileURL } from 'node:url';
import { look } from '../../plugins/contract.js';

export type PluginFile =
  | { readonly ok: true; readonly exported: unknown }
  | { readonly ok: false; readonly why: string; readonly cause?: unknown };

/**
 * Loads a plugin's file, which then runs as root: so nobody but root may be able to change it, or what its path leads
 * to. Gives its default export, or what speaks against it.
 */
export const pluginLoad = look('plugin.load', async (path: string): Promise<PluginFile> => {
  const why = await distrust(path);
  if (why !== null) return { ok: false, why };
  try {
    const module = (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
    return { ok: true, exported: module['default'] };
  } catch (cause) {
    return { ok: false, why: `it can't be loaded: ${wordsOf(cause)}`, cause };
  }
});

/** Why a file should not be run; null where nothing speaks against it. */
async function distrust(path: string): Promise<string | null> {
  if (!isAbsolute(path)) return 'its path is not absolute';
  try {
    if ((await realpath(path)) !== path)
      return 'its path leads over a symbolic link, or is not in its shortest form';
    if (!(await lstat(path)).isFile()) return 'it is not a file';
    for (let at = path; ; at = dirname(at)) {
      const { uid, mode } = await lstat(at);
      if (uid !== 0) return `${at} belongs to user ${uid}, not to root`;
      if ((mode & 0o022) !== 0)
        return `others than root may write to ${at} (mode ${(mode & 0o7777).toString(8)})`;
      if (at === parse(at).root) return null;
    }
  } catch (error) {
    return `it can't be read: ${wordsOf(error)}`;
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
