import { diskFull, systemCallFailed } from '../../../daemon/api/errors/host.js';
import { ThawError } from '../../../daemon/api/thaw-error.js';

/** The errno of a failed call of Node's, e.g. `ENOENT`; undefined for everything else. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** Does `work` on `path`, and turns what the file system says into an entry of the registry. @throws diskFull, systemCallFailed */
export async function onDisk<T>(what: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const errno = errnoOf(error);
    if (error instanceof ThawError || errno === undefined) throw error;
    if (errno === 'ENOSPC' || errno === 'EDQUOT') throw diskFull({ path }, { cause: error });
    throw systemCallFailed({ what: `${what} ${path}`, errno }, { cause: error });
  }
}

/** Does `work`; null where what it asks for does not exist. */
export async function ifThere<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return null;
    throw error;
  }
}
