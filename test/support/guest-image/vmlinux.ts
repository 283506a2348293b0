import { legacyMagic, unpackLegacy } from './lz4.js';

const elf = Buffer.from('\x7fELF', 'latin1');

/**
 * The ELF inside a bzImage: what Firecracker boots, and QEMU too, faster than the bzImage itself. Debian's cloud kernel
 * is compressed with LZ4. @throws TypeError where there is none
 */
export function vmlinuxOf(bzImage: Buffer): Buffer {
  for (let at = bzImage.indexOf(legacyMagic); at >= 0; at = bzImage.indexOf(legacyMagic, at + 1)) {
    try {
      const found = unpackLegacy(bzImage.subarray(at));
      if (found.subarray(0, elf.length).equals(elf)) return found;
    } catch (error) {
      // The magic number may occur by chance.
      if (!(error instanceof RangeError)) throw error;
    }
  }
  throw new TypeError('no kernel compressed with LZ4 is in this image');
}
