import { readFile, writeFile } from 'node:fs/promises';
import { systemCallFailed } from '../../../daemon/api/errors/host.js';
import { effect, look } from '../../contract.js';

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'EIO';
}

/** Values of kernel parameters by their path below `/proc/sys`; null where this kernel has none of that name. */
export const readSysctls = look('sysctl.read', async (names: readonly string[]) => {
  const read = async (name: string): Promise<[string, string | null]> => {
    try {
      return [name, (await readFile(`/proc/sys/${name}`, 'utf8')).trim()];
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [name, null];
      throw systemCallFailed({ what: `reading /proc/sys/${name}`, errno: codeOf(error) }, { cause: error });
    }
  };
  return new Map(await Promise.all(names.map(read)));
});

/** Sets a kernel parameter. */
export const writeSysctl = effect(
  'sysctl.write',
  async ({ name, value }: { name: string; value: string }) => {
    try {
      await writeFile(`/proc/sys/${name}`, value);
    } catch (error) {
      throw systemCallFailed({ what: `writing /proc/sys/${name}`, errno: codeOf(error) }, { cause: error });
    }
  },
);

/** Where the host's resolvers stand: systemd-resolved's own list names those behind its loopback one. */
export const resolverFiles = ['/run/systemd/resolve/resolv.conf', '/etc/resolv.conf'] as const;

/** The resolvers named by the first of `files` that exists. */
export const lookAtResolvers = look('resolvers.look', async (files: readonly string[]) => {
  for (const file of files) {
    try {
      const lines = (await readFile(file, 'utf8')).split('\n');
      return lines.flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.slice(1, 2) ?? []);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT')
        throw systemCallFailed({ what: `reading ${file}`, errno: codeOf(error) }, { cause: error });
    }
  }
  return [];
});
