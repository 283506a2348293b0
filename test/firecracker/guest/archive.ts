/** Folders as bytes and back: what a guest wrote is part of its memory. Overlay's whiteouts and opaque marks included. */
import fs from 'node:fs';
import { attempt } from '../native/libc.js';

interface Entry {
  path: string;
  kind: 'file' | 'folder' | 'link' | 'whiteout';
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  /** Of a file. */
  size?: number;
  /** Of a link. */
  target?: string;
  opaque?: boolean;
}

export interface Archive {
  entries: Entry[];
  contents: Buffer;
}

const OPAQUE = 'trusted.overlay.opaque';

function isOpaque(path: string): boolean {
  const value = Buffer.alloc(1);
  return attempt('lgetxattr', path, OPAQUE, value, 1) && value[0] === 0x79;
}

/** Everything in `base/<folder>` for each of `folders`; sockets and FIFOs are not worth keeping. */
export function pack(base: (folder: string) => string, folders: readonly string[]): Archive {
  const entries: Entry[] = [];
  const contents: Buffer[] = [];
  const visit = (full: string, path: string): void => {
    const stat = fs.lstatSync(full);
    const common = { path, mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid, mtime: stat.mtimeMs };
    if (stat.isDirectory()) {
      entries.push({ ...common, kind: 'folder', ...(isOpaque(full) ? { opaque: true } : {}) });
      for (const name of fs.readdirSync(full).sort()) visit(`${full}/${name}`, `${path}/${name}`);
    } else if (stat.isFile()) {
      const bytes = fs.readFileSync(full);
      entries.push({ ...common, kind: 'file', size: bytes.length });
      contents.push(bytes);
    } else if (stat.isSymbolicLink()) {
      entries.push({ ...common, kind: 'link', target: fs.readlinkSync(full) });
    } else if (stat.isCharacterDevice() && stat.rdev === 0) {
      entries.push({ ...common, kind: 'whiteout' });
    }
  };
  for (const folder of folders) visit(base(folder), folder);
  return { entries, contents: Buffer.concat(contents) };
}

/**
 * Puts an archive back into a tree that shows the lower layer already: what an entry replaces is removed first,
 * what the guest had deleted is deleted again.
 */
export function unpack(base: (folder: string) => string, { entries, contents }: Archive): void {
  let offset = 0;
  const place = (path: string): string => {
    const slash = path.indexOf('/');
    return slash < 0 ? `${base(path)}/` : base(path.slice(0, slash)) + path.slice(slash);
  };
  for (const entry of entries) {
    const full = place(entry.path);
    if (entry.kind !== 'folder' || entry.opaque) fs.rmSync(full, { recursive: true, force: true });
    switch (entry.kind) {
      case 'folder':
        fs.mkdirSync(full, { recursive: true });
        break;
      case 'file':
        fs.writeFileSync(full, contents.subarray(offset, offset + (entry.size ?? 0)));
        offset += entry.size ?? 0;
        break;
      case 'link':
        fs.symlinkSync(entry.target ?? '', full);
        break;
      case 'whiteout':
        continue;
    }
    unlessReadOnly(() => dress(full, entry));
  }
  // Last, because filling a folder changes its time.
  for (const { kind, path, mtime } of entries) {
    if (kind === 'folder') unlessReadOnly(() => fs.utimesSync(place(path), mtime / 1000, mtime / 1000));
  }
}

/** Without overlayfs the folders above those that are copies belong to the host, and are as they were. */
function unlessReadOnly(work: () => void): void {
  try {
    work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EROFS') throw error;
  }
}

function dress(full: string, { kind, mode, uid, gid, mtime }: Entry): void {
  if (uid !== 0 || gid !== 0) fs.lchownSync(full, uid, gid);
  if (kind === 'link') fs.lutimesSync(full, mtime / 1000, mtime / 1000);
  else fs.chmodSync(full, mode);
  if (kind === 'file') fs.utimesSync(full, mtime / 1000, mtime / 1000);
}
