// What may lie where a daemon looks for its own small files: whatever somebody, or a host that crashed, has left there.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** Whole numbers from 0 to below `below`. */
type Random = (below: number) => number;

/** A byte changed, a piece cut out, put in, or all from somewhere on missing. Never the same text. */
export function mutated(text: string, random: Random): Buffer {
  const bytes = Buffer.from(text);
  const at = random(bytes.length);
  const piece = Buffer.from(Array.from({ length: 1 + random(12) }, () => random(256)));
  const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
  const flipped = Buffer.concat([head, Buffer.from([(tail[0] ?? 0) ^ (1 << random(8))]), tail.subarray(1)]);
  const cut = Buffer.concat([head, tail.subarray(piece.length)]);
  return [flipped, flipped, cut, Buffer.concat([head, piece, tail]), head][random(5)] ?? head;
}

const noise = (random: Random): Buffer => Buffer.from(Array.from({ length: random(300) }, () => random(256)));

/** A FIFO costs a process: one is made ahead, and linked from there. */
export function fifoAt(dir: string): (path: string) => void {
  let count = 0;
  const spare: string[] = [];
  return (path) => {
    if (spare.length === 0) {
      const names = Array.from({ length: 50 }, () => join(dir, `fifo-${count++}`));
      execFileSync('mkfifo', names);
      spare.push(...names);
    }
    renameSync(spare.pop() ?? '', path);
  };
}

/**
 * Leaves something at `path` that is no good, drawn by `random`.
 * @param good the text of a good one of that very name
 * @returns what it is, in a word
 */
export function leave(
  path: string,
  { good, random, fifo }: { good: string; random: Random; fifo: (path: string) => void },
): string {
  const whole = (bytes: string | Buffer): void => writeFileSync(path, bytes, { mode: 0o600 });
  const kinds: Readonly<Record<string, () => void>> = {
    noise: () => whole(noise(random)),
    mutated: () => whole(mutated(good, random)),
    torn: () => whole(good.slice(0, random(good.length))),
    empty: () => whole(''),
    newer: () => whole(good.replace(/"version": ?\d+/, `"version":${3 + random(1000)}`)),
    'of another': () => whole('{"version":1,"id":"vm-zzzzzzzzzz"}'),
    'another’s': () => {
      whole(good);
      chownSync(path, 1000, 1000);
    },
    'for all to write': () => {
      whole(good);
      chmodSync(path, 0o666);
    },
    'a link': () => symlinkSync(['/etc/passwd', '/nowhere', path, '/dev/zero'][random(4)] ?? path, path),
    'a FIFO': () => fifo(path),
    'a folder': () => {
      mkdirSync(path);
      if (random(2) === 0) writeFileSync(join(path, 'inside'), 'x');
    },
    huge: () => {
      whole(good);
      // Sparse: nothing is written.
      truncateSync(path, 8 * 2 ** 30);
    },
  };
  const names = Object.keys(kinds);
  const name = names[random(names.length)] ?? 'noise';
  kinds[name]?.();
  return name;
}

/** What makes a thing the same that it was, wherever it lies now. */
export function identity(path: string): string {
  const { ino, size, mode, uid } = lstatSync(path);
  return [ino, size, mode, uid].join(' ');
}
