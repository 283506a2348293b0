/** What the conformance test runs against: the stand-in, or with `FIRECRACKER_BIN` a real Firecracker. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { projectDir } from '../../support/paths.js';
import type { Target } from './replay.js';

export const standin = join(projectDir, 'dist/bin/firecracker.js');

/** Versions that were recorded. */
export const recorded = ['1.16.1', '1.17-dev'] as const;

export interface Versioned {
  version: (typeof recorded)[number];
  target: Target;
}

/** One target for each version that can be had. */
export function targets(folder: string): Versioned[] {
  // Columns count its letters, too: 17, as in the recordings of more.ts.
  const here = join(folder, 'krn');
  const bin = process.env['FIRECRACKER_BIN'];
  if (bin !== undefined) {
    const kernel = process.env['FIRECRACKER_KERNEL'];
    if (kernel === undefined) throw new Error('FIRECRACKER_BIN needs FIRECRACKER_KERNEL, an ELF that loops');
    const said = execFileSync(bin, ['--version'], { encoding: 'utf8' });
    const version = recorded.find((name) => said.includes(`v${name.replace('-dev', '.0-dev')}`));
    if (!version) throw new Error(`nothing was recorded for ${said.split('\n')[0] ?? bin}`);
    const args = (process.env['FIRECRACKER_ARGS'] ?? '').split(' ').filter((word) => word !== '');
    fs.symlinkSync(kernel, here);
    return [{ version, target: { bin, args, env: {}, kernel: here } }];
  }
  fs.writeFileSync(here, 'any file will do');
  return recorded.map((version) => ({
    version,
    target: {
      bin: standin,
      args: [],
      env: { FIRECRACKER_STANDIN_VERSION: version, FIRECRACKER_STANDIN_TIMING: '0' },
      kernel: here,
    },
  }));
}

/** A folder whose name is as long as the recorded one's: one answer counts its letters. */
export function baseFolder(): string {
  const folder = fs.mkdtempSync('/tmp/fc');
  return folder;
}
