import { join } from 'node:path';
import { recordUnusable } from '../api/errors/host.js';
import type { ThawError } from '../api/thaw-error.js';
import {
  recordRemove,
  recordSetAside,
  recordRead,
  recordsNamed,
  recordsOpen,
  recordWrite,
} from '../effects/records.js';
import type { Context } from '../../plugins/contract.js';
import { readRecord, recordText } from './versions.js';
import type { VmRecord } from './vm-record.js';

export interface LoadedRecords {
  readonly records: readonly VmRecord[];
  /** Files that could not be used; each was set aside. */
  readonly unusable: readonly ThawError[];
}

/**
 * One small file per VM, beside the VMs' folders and not in them: a record is there before the folder that it
 * announces, and still there when somebody else removes the folder.
 */
export class Records {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async open(runDir: string, cx: Context): Promise<Records> {
    const dir = join(runDir, 'records');
    await recordsOpen(dir, cx);
    return new Records(dir);
  }

  /**
   * Reads all, one after the other; torn, foreign and newer files are set aside and reported, and so are those that
   * somebody else could have written. None is fatal, not even one that can't be moved.
   */
  async load(cx: Context): Promise<LoadedRecords> {
    const records: VmRecord[] = [];
    const unusable: ThawError[] = [];
    for (const name of await recordsNamed(this.#dir, cx)) {
      const path = join(this.#dir, name);
      const file = await recordRead(path, cx);
      if (file === null) continue;
      const read = file.ok ? readRecord(file.text) : file;
      if (read.ok && path === this.#path(read.record.id)) {
        records.push(read.record);
        continue;
      }
      const why = read.ok ? `it is the record of ${read.record.id}` : read.why;
      unusable.push(recordUnusable({ path, why: `${why}${await this.#setAside(path, cx)}` }));
    }
    return { records, unusable };
  }

  /** Sets the record of a VM aside that can't be taken up. @returns what to report */
  async refuse(id: string, why: string, cx: Context): Promise<ThawError> {
    const path = this.#path(id);
    return recordUnusable({ path, why: `${why}${await this.#setAside(path, cx)}` });
  }

  /** @returns words for where it stays in the way */
  async #setAside(path: string, cx: Context): Promise<string> {
    try {
      await recordSetAside(path, cx);
      return '';
    } catch (error) {
      cx.signal.throwIfAborted();
      return `; it stays where it is: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  /** Whose records are there, by name only. */
  async ids(cx: Context): Promise<readonly string[]> {
    return (await recordsNamed(this.#dir, cx)).map((name) => name.slice(0, -'.json'.length));
  }

  async write(record: VmRecord, cx: Context): Promise<void> {
    await recordWrite({ path: this.#path(record.id), text: recordText(record) }, cx);
  }

  async remove(id: string, cx: Context): Promise<void> {
    await recordRemove(this.#path(id), cx);
  }

  #path(id: string): string {
    return join(this.#dir, `${id}.json`);
  }
}
