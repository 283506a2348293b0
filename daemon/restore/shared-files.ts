import { fileReplaced } from '../api/errors/host.js';
import type { Manifest } from '../api/shapes/snapshot.js';
import { fileProve, type FoundFile } from '../effects/files.js';
import type { Context } from '../../plugins/contract.js';

/** The drives of a snapshot that lie outside of it, which its clones only read. */
export const sharedDrives = ({ drives }: Pick<Manifest, 'drives'>): Manifest['drives'] =>
  drives.filter((drive) => drive.file.startsWith('/'));

/**
 * The files of those drives, which must be what they were: the memory of the clones knows their content.
 * @throws fileMissing, fileReplaced
 */
export async function sharedFiles(manifest: Manifest, cx: Context): Promise<readonly FoundFile[]> {
  const files: FoundFile[] = [];
  for (const { file: path, was } of sharedDrives(manifest)) {
    const found = await fileProve({ path, what: 'drive', write: false }, cx);
    const why = found.path === path ? changed(found.content, was) : `a link leads to ${found.path} now`;
    if (why !== null) throw fileReplaced({ path, why });
    files.push(found);
  }
  return files;
}

/** What tells that a file has another content than when the snapshot was taken. Pure. */
function changed(now: FoundFile['content'], was: Manifest['drives'][number]['was']): string | null {
  // A block device has no time of its own, and snapshots of earlier versions did not note any.
  if (!was) return null;
  if (now?.bytes !== was.bytes)
    return `it had ${was.bytes} bytes when the snapshot was taken, and has ${now?.bytes ?? 'no'} now`;
  return now.mtimeNs === was.mtimeNs ? null : 'it was written to after the snapshot had been taken';
}
