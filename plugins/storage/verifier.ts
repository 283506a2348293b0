import { join } from 'node:path';
import { snapshotDamaged } from '../../daemon/api/errors/snapshot.js';
import type { SnapshotId } from '../../daemon/api/shapes/ids.js';
import type { FileFact, Manifest } from '../../daemon/api/shapes/snapshot.js';
import type { Context } from '../contract.js';
import { measure, readText } from './effects/files.js';
import { hashFiles } from './effects/hash.js';
import { type Layout, stampsFile } from './layout.js';
import { type Known, readStamps, sameStamp, type Stamp, stampOf } from './stamps.js';
import { Turns } from './turns.js';

/** One snapshot as this daemon knows it. */
interface Memory {
  readonly files: Map<string, Known>;
  /** Of those who doubt the same files one reads the gigabytes, the others then need not. */
  readonly turns: Turns;
}

/** Knows which files are still the very ones that were hashed, and hashes again where they are not. */
export class Verifier {
  readonly #layout: Layout;
  readonly #memories = new Map<SnapshotId, Memory>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /**
   * Compares a snapshot's files with its manifest; `thorough` reads all of them.
   * @throws snapshotDamaged
   */
  async verify(manifest: Manifest, thorough: boolean, cx: Context): Promise<void> {
    const memory = await this.#remember(manifest.id, cx);
    const doubtful = await this.#doubtful(manifest, memory, cx);
    if (thorough) {
      await memory.turns.take(() => this.#hash(manifest, manifest.files, { memory, cx }), cx.signal);
    } else if (doubtful.length > 0) {
      await memory.turns.take(async () => {
        // Who had the turn before may have cleared the doubts.
        const still = await this.#doubtful(manifest, memory, cx);
        if (still.length > 0) await this.#hash(manifest, still, { memory, cx });
      }, cx.signal);
    }
  }

  forget(id: SnapshotId): void {
    this.#memories.delete(id);
  }

  close(): void {
    this.#memories.clear();
  }

  async #remember(id: SnapshotId, cx: Context): Promise<Memory> {
    const known = this.#memories.get(id);
    if (known) return known;
    const file = await readText(join(this.#layout.snapshot(id), stampsFile), cx);
    const stamps = readStamps(file?.ok === true ? file.text : null);
    // Somebody else may have read them meanwhile.
    const memory = this.#memories.get(id) ?? { files: new Map(stamps), turns: new Turns() };
    this.#memories.set(id, memory);
    return memory;
  }

  /** The files that are not the ones that were hashed. */
  async #doubtful(manifest: Manifest, memory: Memory, cx: Context): Promise<readonly FileFact[]> {
    const stamps = await Promise.all(manifest.files.map((file) => this.#measure(manifest.id, file, cx)));
    return manifest.files.filter((file, i) => {
      const [known, stamp] = [memory.files.get(file.name), stamps[i]];
      return !stamp || known?.sha256 !== file.sha256 || !sameStamp(known.stamp, stamp);
    });
  }

  async #hash(
    manifest: Manifest,
    files: readonly FileFact[],
    { memory, cx }: { memory: Memory; cx: Context },
  ): Promise<void> {
    const { id } = manifest;
    // Measured before: a file that changes while it is read is doubtful again the next time.
    const stamps: Stamp[] = [];
    for (const file of files) stamps.push(await this.#measure(id, file, cx));
    const hashes = await hashFiles(
      { dir: this.#layout.snapshot(id), files: files.map((file) => file.name) },
      cx,
    );
    for (const [i, file] of files.entries()) {
      const [stamp, sha256] = [stamps[i], hashes[i]];
      if (!stamp || sha256 !== file.sha256)
        throw damaged(id, file, 'has other content than when it was taken');
      memory.files.set(file.name, { sha256, stamp });
    }
  }

  /** @throws snapshotDamaged where it is missing, is no file, or has another length */
  async #measure(id: SnapshotId, file: FileFact, cx: Context): Promise<Stamp> {
    const found = await measure(join(this.#layout.snapshot(id), file.name), cx);
    if (!found) throw damaged(id, file, 'is missing');
    if (!found.isFile()) throw damaged(id, file, 'is no ordinary file any more');
    if (found.size !== BigInt(file.bytes)) {
      throw damaged(id, file, `is ${found.size} bytes instead of ${file.bytes}`);
    }
    return stampOf(found);
  }
}

const damaged = (snapshot: SnapshotId, file: FileFact, why: string) =>
  snapshotDamaged({ snapshot, file: file.name, why });
