/** Folders as bytes and back: what a guest wrote is part of its memory. Overlay's whiteouts and opaque marks included. */
import fs from 'node:fs';
import { attempt, call } from '../native/libc.js';

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

const S_IFCHR = 0o020000;
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

/** Puts an archive back; the folders themselves exist already. */
export function unpack(base: (folder: string) => string, { entries, contents }: Archive): void {
  let offset = 0;
  const folders: Entry[] = [];
  const place = (path: string): string => {
    const slash = path.indexOf('/');
    return slash < 0 ? base(path) : base(path.slice(0, slash)) + path.slice(slash);
  };
  for (const entry of entries) {
    const full = place(entry.path);
    switch (entry.kind) {
      case 'folder':
        fs.mkdirSync(full, { recursive: true });
        if (entry.opaque) call('lsetxattr', full, OPAQUE, Buffer.from('y'), 1, 0);
        folders.push(entry);
        break;
      case 'file':
        fs.writeFileSync(full, contents.subarray(offset, offset + (entry.size ?? 0)));
        offset += entry.size ?? 0;
        break;
      case 'link':
        fs.symlinkSync(entry.target ?? '', full);
        break;
      case 'whiteout':
        call('mknod', full, S_IFCHR, 0);
        break;
    }
    if (entry.kind === 'link') fs.lutimesSync(full, entry.mtime / 1000, entry.mtime / 1000);
    else fs.chmodSync(full, entry.mode);
    if (entry.uid !== 0 || entry.gid !== 0) fs.lchownSync(full, entry.uid, entry.gid);
    if (entry.kind === 'file') fs.utimesSync(full, entry.mtime / 1000, entry.mtime / 1000);
  }
  // Last, because filling a folder changes its time.
  for (const entry of folders) fs.utimesSync(place(entry.path), entry.mtime / 1000, entry.mtime / 1000);
}
