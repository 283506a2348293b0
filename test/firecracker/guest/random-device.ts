/** /dev/urandom and /dev/random of a guest: by FUSE, or where that is refused a file of the same stream. */
import fs from 'node:fs';
import { attempt, call } from '../native/libc.js';
import type { Entropy } from './entropy.js';
import { mountFuse, openFuse, serveFuse } from './fuse-device.js';

const BIND = 4096;
const FILE_SIZE = 64 * 1024;

/** Puts the devices into `dev`, inside the guest's namespaces while its root is not / yet. */
export function makeRandomDevices(dev: string, entropy: Entropy): void {
  const urandom = `${dev}/urandom`;
  fs.writeFileSync(urandom, '', { mode: 0o666 });
  fs.writeFileSync(`${dev}/random`, '');
  const fuse = openFuse();
  if (fuse !== undefined && mountFuse(fuse, urandom)) serveFuse(fuse, entropy);
  else {
    if (fuse !== undefined) attempt('close', fuse);
    keepFile(urandom, entropy);
  }
  call('mount', urandom, `${dev}/random`, null, BIND, null);
}

/**
 * The file holds the next bytes of the stream; a write reseeds it and replaces them. Weaker than the FUSE device:
 * reading twice without a reseed gives the same bytes twice, and ioctls fail.
 */
function keepFile(path: string, entropy: Entropy): void {
  let own: Buffer = Buffer.alloc(0);
  const fd = fs.openSync(path, 'r+');
  const refill = (): void => {
    own = entropy.draw(FILE_SIZE);
    fs.ftruncateSync(fd);
    fs.writeSync(fd, own, 0, own.length, 0);
  };
  refill();
  fs.watch(path, { persistent: false }, () => {
    const found = Buffer.alloc(FILE_SIZE);
    const length = fs.readSync(fd, found, 0, FILE_SIZE, 0);
    // Empty: a shell has only just opened it for writing.
    if (length === 0 || found.subarray(0, length).equals(own)) return;
    entropy.reseed('written', found.subarray(0, length));
    refill();
  });
}
