/** CRC-64/Jones, as the `crc64` crate computes it: of a file that ends in its own checksum it is 0. */
const POLY_HIGH = 0x95ac9329 | 0;
const POLY_LOW = 0xac4bc9b5 | 0;

const high = new Int32Array(256);
const low = new Int32Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  let h = 0;
  let l = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    const odd = l & 1;
    l = (l >>> 1) | (h << 31);
    h >>>= 1;
    if (odd) {
      h ^= POLY_HIGH;
      l ^= POLY_LOW;
    }
  }
  high[byte] = h;
  low[byte] = l;
}

/** The checksum of `bytes`. */
export function crc64(bytes: Buffer): bigint {
  let h = 0;
  let l = 0;
  for (const byte of bytes) {
    const index = (l ^ byte) & 0xff;
    l = ((l >>> 8) | (h << 24)) ^ (low[index] ?? 0);
    h = (h >>> 8) ^ (high[index] ?? 0);
  }
  return (BigInt(h >>> 0) << 32n) | BigInt(l >>> 0);
}
