import { join } from 'node:path';
import { snapshotDamaged } from '../../daemon/api/errors/snapshot.js';
import type { FileFact } from '../../daemon/api/shapes/snapshot.js';
import type { Context, Draft } from '../contract.js';
import { freeze, freezeFolder, listFolder, measure, writeWhole } from './effects/files.js';
import { hashFiles } from './effects/hash.js';
import { snapshotFile, stampsFile } from './layout.js';
import { type Known, sameStamp, type Stamp, stampOf, writeStamps } from './stamps.js';

/**
 * Makes a draft's files read-only, brings them to the disk, hashes them, and leaves beside them what the hashes were
 * taken of, so that the next daemon need not read gigabytes again.
 * @throws snapshotDamaged where a file is missing, is none that a snapshot has, or changes while it is read
 */
export async function sealFiles(draft: Draft, cx: Context): Promise<readonly FileFact[]> {
  const disks = await listFolder(join(draft.dir, 'disks'), cx);
  const names = ['state', 'mem', ...disks.map((disk) => `disks/${disk}`)];
  const stamps: Stamp[] = [];
  for (const name of names) stamps.push(await freezeFile(draft, name, cx));
  const hashes = await hashFiles({ dir: draft.dir, files: names }, cx);
  const known = new Map<string, Known>();
  for (const [i, name] of names.entries()) {
    const [stamp, sha256] = [stamps[i], hashes[i]];
    const after = await measure(join(draft.dir, name), cx);
    // Firecracker has answered by now, so whoever still writes is somebody else.
    if (!stamp || sha256 === undefined || !after || !sameStamp(stamp, stampOf(after))) {
      throw damaged(draft, name, 'changed while it was read');
    }
    known.set(name, { sha256, stamp });
  }
  await writeWhole({ path: join(draft.dir, stampsFile), text: writeStamps(known) }, cx);
  await freezeFolder(join(draft.dir, 'disks'), cx);
  return [...known].map(([name, { sha256, stamp }]) => ({ name, bytes: Number(stamp.size), sha256 }));
}

async function freezeFile(draft: Draft, name: string, cx: Context): Promise<Stamp> {
  const path = join(draft.dir, name);
  const found = await measure(path, cx);
  if (!found) throw damaged(draft, name, 'is missing');
  if (!found.isFile() || !snapshotFile.test(name)) throw damaged(draft, name, 'is no file of a snapshot');
  return stampOf(await freeze(path, cx));
}

const damaged = (draft: Draft, file: string, why: string) =>
  snapshotDamaged({ snapshot: draft.id, file, why });
