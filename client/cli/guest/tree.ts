import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { usage } from '../usage.js';

/** As many links on one way the kernel follows, too. */
const mostLinks = 40;

/** A file, folder or link that a tree shall have. */
export type Wanted =
  | { readonly is: 'file'; readonly path: string; readonly content: string | Buffer; readonly mode: number }
  | { readonly is: 'folder'; readonly path: string }
  | { readonly is: 'link'; readonly path: string; readonly to: string };

export type Made = 'made' | 'changed' | 'unchanged';

/** An unpacked root file system. Its links lead where they would lead the guest: never out of the tree. */
export class Tree {
  readonly #root: string;

  /** @throws usage where the root is no folder */
  constructor(root: string) {
    this.#root = root;
    if (!look(root)?.isDirectory()) throw usage(`${root} is no folder`, 'Name an unpacked root file system');
    if (root === '/') throw usage('That is this machine’s own root', 'Name an unpacked root file system');
  }

  /** Whether something is there, at the end of links. */
  has(path: string): boolean {
    return look(this.#real(path)) !== null;
  }

  /** The first bytes of a file; null where there is none. */
  read(path: string): Buffer | null {
    const real = this.#real(path);
    return look(real)?.isFile() ? readFileSync(real) : null;
  }

  /** Makes what is wanted, where it is not there already; with `dry` only tells. @throws usage where links lead in a circle */
  make(wanted: Wanted, dry: boolean): Made {
    const folder = this.#real(dirname(wanted.path));
    // The last part is not followed: what is wanted takes the place of a link.
    const path =
      wanted.is === 'folder' ? this.#real(wanted.path) : join(folder, wanted.path.split('/').at(-1) ?? '');
    const there = look(path);
    if (there !== null && isSo(path, there, wanted)) return 'unchanged';
    if (there?.isDirectory() || (wanted.is === 'folder' && there !== null))
      throw usage(`${wanted.path} of the tree is something else already`, 'Take it away, and try again');
    if (!dry) write(path, wanted);
    return there === null ? 'made' : 'changed';
  }

  /** A path's place on this machine, the tree's root taken for `/` by every link. */
  #real(path: string): string {
    const left = path.split('/').filter(Boolean);
    let done: string[] = [];
    for (let links = 0; left.length > 0;) {
      const part = left.shift() ?? '';
      if (part === '.') continue;
      if (part === '..') {
        done = done.slice(0, -1);
        continue;
      }
      const here = join(this.#root, ...done, part);
      if (!look(here)?.isSymbolicLink()) {
        done.push(part);
        continue;
      }
      if ((links += 1) > mostLinks)
        throw usage(
          `${path}: the links of ${this.#root} lead in a circle`,
          'Mend the tree: is “etc” a link to “/etc”?',
        );
      const to = readlinkSync(here);
      if (to.startsWith('/')) done = [];
      left.unshift(...to.split('/').filter(Boolean));
    }
    return join(this.#root, ...done);
  }
}

const look = (path: string) => lstatSync(path, { throwIfNoEntry: false }) ?? null;

function isSo(path: string, there: NonNullable<ReturnType<typeof look>>, wanted: Wanted): boolean {
  switch (wanted.is) {
    case 'folder':
      return there.isDirectory();
    case 'link':
      return there.isSymbolicLink() && readlinkSync(path) === wanted.to;
    case 'file':
      return (
        there.isFile() &&
        (there.mode & 0o777) === wanted.mode &&
        readFileSync(path).equals(Buffer.from(wanted.content as string))
      );
  }
}

function write(path: string, wanted: Wanted): void {
  mkdirSync(dirname(path), { recursive: true });
  const fresh = `${path}.thaw-new`;
  switch (wanted.is) {
    case 'folder':
      mkdirSync(path);
      return;
    case 'link':
      symlinkSync(wanted.to, fresh);
      break;
    case 'file':
      writeFileSync(fresh, wanted.content, { mode: wanted.mode, flag: 'wx' });
      break;
  }
  renameSync(fresh, path);
}
