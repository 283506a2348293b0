import { join } from 'node:path';
import { snapshotDamaged } from '../../daemon/api/errors/snapshot.js';
import type { FileFact } from '../../daemon/api/shapes/snapshot.js';
import type { Context, Draft } from '../contract.js';
import { freeze, freezeFolder, listFolder, measure, writeWhole } from './effects/files.js';
import { hashFile } from './effects/hash.js';
import { snapshotFile, stampsFile } from './layout.js';
import { type Known, sameStamp, stampOf, writeStamps } from './stamps.js';

/**
 * Makes a draft's files read-only, brings them to the disk, hashes them, and leaves beside them what the hashes were
 * taken of, so that the next daemon need not read gigabytes again.
 * @throws snapshotDamaged where a file is missing, is none that a snapshot has, or changes while it is read
 */
export async function sealFiles(draft: Draft, cx: Context): Promise<readonly FileFact[]> {
  const disks = await listFolder(join(draft.dir, 'disks'), cx);
  const facts: FileFact[] = [];
  const known = new Map<string, Known>();
  for (const name of ['state', 'mem', ...disks.map((disk) => `disks/${disk}`)]) {
    const entry = await sealFile(draft, name, cx);
    known.set(name, entry);
    facts.push({ name, bytes: Number(entry.stamp.size), sha256: entry.sha256 });
  }
  await writeWhole({ path: join(draft.dir, stampsFile), text: writeStamps(known) }, cx);
  await freezeFolder(join(draft.dir, 'disks'), cx);
  return facts;
}

async function sealFile(draft: Draft, name: string, cx: Context): Promise<Known> {
  const damaged = (why: string) => snapshotDamaged({ snapshot: draft.id, file: name, why });
  const path = join(draft.dir, name);
  const found = await measure(path, cx);
  if (!found) throw damaged('is missing');
  if (!found.isFile() || !snapshotFile.test(name)) throw damaged('is no file of a snapshot');
  const [stat, sha256] = [await freeze(path, cx), await hashFile(path, cx)];
  const after = await measure(path, cx);
  const stamp = stampOf(stat);
  // Firecracker has answered by now, so whoever still writes is somebody else.
  if (!after || !sameStamp(stamp, stampOf(after))) throw damaged('changed while it was read');
  return { sha256, stamp };
}
