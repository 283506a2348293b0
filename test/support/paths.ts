import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder: tests are compiled somewhere beneath it, not always into `dist`. */
export const projectDir = find(dirname(fileURLToPath(import.meta.url)));

function find(dir: string): string {
  return existsSync(join(dir, 'tsconfig.json')) ? dir : find(dirname(dir));
}

/** A bundled program of the project. */
export const bin = (name: 'thawd' | 'thaw' | 'firecracker'): string =>
  join(projectDir, 'dist/bin', `${name}.js`);
