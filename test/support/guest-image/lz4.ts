/** LZ4 as kernels are compressed with: the legacy frame, blocks of at most 8 MiB (lz4's doc/lz4_Frame_format.md). */
export const legacyMagic = Buffer.of(0x02, 0x21, 0x4c, 0x18);
const BLOCK = 8 * 1024 * 1024;

/** Unpacks a legacy frame that begins the buffer; stops at what is no block of it any more. */
export function unpackLegacy(packed: Buffer): Buffer {
  const blocks: Buffer[] = [];
  for (let offset = legacyMagic.length; offset + 4 < packed.length;) {
    const size = packed.readUInt32LE(offset);
    if (size === 0 || offset + 4 + size > packed.length) break;
    const block = unpackBlock(packed.subarray(offset + 4, offset + 4 + size));
    blocks.push(block);
    offset += 4 + size;
    if (block.length < BLOCK) break;
  }
  return Buffer.concat(blocks);
}

/** One block: literals and copies of what came before (lz4's doc/lz4_Block_format.md). */
function unpackBlock(packed: Buffer): Buffer {
  const out = Buffer.allocUnsafe(BLOCK);
  let from = 0;
  let to = 0;
  const length = (nibble: number): number => {
    let total = nibble;
    for (let more = nibble === 15 ? 255 : 0; more === 255;) {
      more = packed.readUInt8(from);
      from += 1;
      total += more;
    }
    return total;
  };
  while (from < packed.length) {
    const token = packed.readUInt8(from);
    from += 1;
    const literals = length(token >> 4);
    packed.copy(out, to, from, from + literals);
    from += literals;
    to += literals;
    // The last sequence has literals only.
    if (from >= packed.length) break;
    const distance = packed.readUInt16LE(from);
    from += 2;
    const end = to + length(token & 15) + 4;
    if (distance === 0 || distance > to || end > BLOCK) throw new RangeError('a damaged LZ4 block');
    // Byte by byte: what is copied may overlap what is written.
    for (; to < end; to += 1) out[to] = out[to - distance] ?? 0;
  }
  return out.subarray(0, to);
}
