import { join } from 'node:path';
import { recordUnusable } from '../api/errors/host.js';
import type { ThawError } from '../api/thaw-error.js';
import {
  recordRemove,
  recordSetAside,
  recordsNamed,
  recordsOpen,
  recordsRead,
  recordWrite,
} from '../effects/records.js';
import type { Context } from '../../plugins/contract.js';
import { readRecord } from './versions.js';
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

  /** Reads all; torn, foreign and newer files are set aside and reported, none is fatal. */
  async load(cx: Context): Promise<LoadedRecords> {
    const records: VmRecord[] = [];
    const unusable: ThawError[] = [];
    for (const { path, text } of await recordsRead(this.#dir, cx)) {
      const read =
        text === null ? { ok: false as const, why: 'it is not a readable file' } : readRecord(text);
      if (read.ok && path === this.#path(read.record.id)) {
        records.push(read.record);
        continue;
      }
      const why = read.ok ? `it is the record of ${read.record.id}` : read.why;
      unusable.push(recordUnusable({ path, why }));
      await recordSetAside(path, cx);
    }
    return { records, unusable };
  }

  /** Whose records are there, by name only. */
  async ids(cx: Context): Promise<readonly string[]> {
    return (await recordsNamed(this.#dir, cx)).map((name) => name.slice(0, -'.json'.length));
  }

  async write(record: VmRecord, cx: Context): Promise<void> {
    await recordWrite({ path: this.#path(record.id), text: JSON.stringify(record) }, cx);
  }

  async remove(id: string, cx: Context): Promise<void> {
    await recordRemove(this.#path(id), cx);
  }

  #path(id: string): string {
    return join(this.#dir, `${id}.json`);
  }
}
