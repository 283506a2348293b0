import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let made: string | undefined;

/**
 * A file that can be given as a guest's kernel: `FIRECRACKER_KERNEL`, or for the stand-in, which boots none, a small
 * file that only looks like one.
 */
export function testKernel(): string {
  const given = process.env['FIRECRACKER_KERNEL'];
  if (given !== undefined && given !== '') return given;
  if (made === undefined) {
    const dir = mkdtempSync(join(tmpdir(), 'thaw-kernel-'));
    process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
    made = join(dir, 'vmlinux');
    writeFileSync(made, Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01'), Buffer.alloc(4089)]));
  }
  return made;
}
