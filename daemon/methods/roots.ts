import { relative } from 'node:path';
import { pathNotAllowed } from '../api/errors/host.js';
import { fileText, type JudgedFile } from '../effects/files.js';
import { openBeneath } from '../effects/roots.js';
import type { Context } from '../../plugins/contract.js';
import type { Peer } from './call.js';

/** Folders beneath which callers who are not root may name files. */
export type Roots = readonly string[];

/**
 * A file that a caller has named, if this caller may name it: root any, others only what lies beneath a configured root,
 * without a symbolic link on the way. Of theirs it says which file it is, so that whoever opens it can tell if it has
 * been swapped for another since.
 * @throws pathNotAllowed
 */
export async function allowedFile(
  path: string,
  { peer, roots }: { peer: Peer; roots: Roots },
  cx: Context,
): Promise<JudgedFile> {
  if (peer.uid === 0) return { path };
  let why =
    roots.length === 0 ? 'no "roots" are configured' : 'it lies beneath none of the configured "roots"';
  for (const root of roots) {
    const inside = relative(root, path);
    if (inside === '' || inside === '..' || inside.startsWith('../')) continue;
    const opened = await openBeneath({ root, relative: inside }, cx);
    if (opened.ok) return { path: opened.path, inode: opened.inode };
    why = opened.errno === 'ELOOP' ? 'there is a symbolic link on the way' : opened.errno;
  }
  throw pathNotAllowed({ path, why });
}

/** The text of a small file that a caller has named. @throws pathNotAllowed, fileReplaced, fileMissing */
export async function textOf(path: string, who: { peer: Peer; roots: Roots }, cx: Context): Promise<string> {
  return fileText(await allowedFile(path, who, cx), cx);
}
