import { readFile } from 'node:fs/promises';
import { configInvalid } from '../api/errors/host.js';

/**
 * The text of the configuration; null where there is no such file. Read before there is any operation that could be
 * traced.
 * @throws configInvalid where it is there and can't be read
 */
export async function configText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw configInvalid({ path, problems: code ?? 'it can’t be read' }, { cause });
  }
}
