/**
 * A program of some 330 bytes that reseeds a kernel, for guests that have neither a VMGenID driver nor python3 nor
 * perl: reads 128 hexadecimal digits from standard input, gives the 64 bytes to /dev/random by RNDADDENTROPY (credited:
 * the kernel counts them) and has them taken up at once by RNDRESEEDCRNG. Exit status 0, or the errno. It uses no memory
 * but its stack and no library, so it runs in any Linux guest of its processor.
 */
const code: Readonly<Record<string, { readonly machine: number; readonly text: string }>> = {
  // read(0, sp+512, 128) = 128? · pool {512 bits, 64 bytes} at sp · 64 × two digits to a byte at sp+8, a digit's value
  // being (c & 15) + 9 × (c >> 6) · open("/dev/random", O_RDWR) · ioctl(fd, 0x40085203, sp) · ioctl(fd, 0x5207, 0)
  // · exit(0), or exit(−result)
  x64: {
    machine: 62,
    text:
      'SIHsAAQAADHAMf9IjbQkAAIAALqAAAAADwU9gAAAAHV9xwQkAAIAAMdEJARAAAAASI20JAACAABIjXwkCLlAAAAA6GIAAADB4ASJwuhYAAAACdCq' +
      '/8l16rgCAAAASI09XQAAAL4CAAAADwWFwHgvicO4EAAAAInfvgNSCEBIieIPBYXAdRi4EAAAAInfvgdSAAAx0g8FhcB1BDH/6wT32InHuDwAAAAP' +
      'BQ+2Bkj/xkGJwEHB6AZFa8AJg+APRAHAwy9kZXYvcmFuZG9tAA==',
  },
  // The same calls: read 63, openat 56, ioctl 29, exit 93.
  arm64: {
    machine: 183,
    text:
      '/wMQ0QAAgNLhAwiRAhCA0ugHgNIBAADUHwAC8QEFAFQAQIBSAQiAUuAHACnhAwiR4iMAkQMIgNIkFEA4JRRAOCcBgFKGfAZThAwAEsQQBxumfAZT' +
      'pQwAEsUUBxukEAQqRBQAOGMEAPGB/v9UYAyAksECABBCAIDSAwCA0ggHgNIBAADUwAH4t+kDAKphQIpSAQGocuIDAJGoA4DSAQAA1OAAALXgAwmq' +
      '4UCKUgIAgNIBAADUQAAAtQIAABTgAwDLqAuA0gEAANQvZGV2L3JhbmRvbQA=',
  },
};

const base = 0x400000n;
const headerBytes = 64 + 56;

/** The program as an ELF file with one loaded segment; null for a processor that it was not written for. */
export function reseedProgram(arch: string): Buffer | null {
  const found = code[arch];
  if (!found) return null;
  const text = Buffer.from(found.text, 'base64');
  const header = Buffer.alloc(headerBytes);
  // e_ident: 64 bits, little-endian, version 1
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(2, 16); // e_type: executable
  header.writeUInt16LE(found.machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(base + BigInt(headerBytes), 24); // e_entry
  header.writeBigUInt64LE(64n, 32); // e_phoff
  header.writeUInt16LE(64, 52); // e_ehsize
  header.writeUInt16LE(56, 54); // e_phentsize
  header.writeUInt16LE(1, 56); // e_phnum
  header.writeUInt32LE(1, 64); // p_type: load
  header.writeUInt32LE(5, 68); // p_flags: read, execute
  header.writeBigUInt64LE(base, 80); // p_vaddr
  header.writeBigUInt64LE(base, 88); // p_paddr
  header.writeBigUInt64LE(BigInt(headerBytes + text.length), 96); // p_filesz
  header.writeBigUInt64LE(BigInt(headerBytes + text.length), 104); // p_memsz
  header.writeBigUInt64LE(0x1000n, 112); // p_align
  return Buffer.concat([header, text]);
}

/** Bytes as the format of a POSIX `printf`: every one of them an octal escape. */
export function printfFormat(bytes: Uint8Array): string {
  let format = '';
  for (const byte of bytes) format += `\\${byte.toString(8).padStart(3, '0')}`;
  return format;
}
