/** A file of an initramfs. */
export type Entry =
  | { readonly is: 'folder' }
  | { readonly is: 'file'; readonly bytes: Buffer; readonly mode: number }
  | { readonly is: 'link'; readonly to: string };

const typeBits = { folder: 0o040755, link: 0o120777 } as const;

/** Packs an archive as the kernel unpacks it: `newc` (Documentation/driver-api/early-userspace/buffer-format.rst). */
export function packCpio(entries: ReadonlyMap<string, Entry>): Buffer {
  const parts: Buffer[] = [];
  let inode = 1;
  for (const [path, entry] of entries) {
    const bytes =
      entry.is === 'file' ? entry.bytes : Buffer.from(entry.is === 'link' ? entry.to : '', 'utf8');
    const mode = entry.is === 'file' ? 0o100000 | entry.mode : typeBits[entry.is];
    parts.push(...member(path, { inode, mode, bytes }));
    inode += 1;
  }
  parts.push(...member('TRAILER!!!', { inode: 0, mode: 0, bytes: Buffer.alloc(0) }));
  return Buffer.concat(parts);
}

function member(
  path: string,
  { inode, mode, bytes }: { inode: number; mode: number; bytes: Buffer },
): Buffer[] {
  const name = Buffer.from(`${path}\0`, 'utf8');
  const fields = [inode, mode, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, name.length, 0];
  const head = Buffer.from(
    `070701${fields.map((one) => one.toString(16).padStart(8, '0')).join('')}`,
    'latin1',
  );
  return [head, name, padding(head.length + name.length), bytes, padding(bytes.length)];
}

const padding = (length: number): Buffer => Buffer.alloc((4 - (length % 4)) % 4);
