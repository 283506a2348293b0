import { join } from 'node:path';
import { VmId } from '../api/shapes/ids.js';
import { subfolders } from '../effects/run-watch.js';
import type { Operations } from '../operations/operations.js';
import type { Alive, Context, Fabric } from '../../plugins/contract.js';
import type { Registry } from './registry.js';

export interface CollectorParts {
  readonly runDir: string;
  readonly registry: Registry;
  readonly operations: Operations;
  readonly fabric: Fabric;
}

/**
 * Whose things are to be left alone. A VM whose folder is there counts even where its record is missing or could not be
 * read: its tap may be in use. A VM that comes to be after this was asked counts as well: it is registered before it
 * has anything.
 */
export async function whoLives(
  { runDir, registry }: Pick<CollectorParts, 'runDir' | 'registry'>,
  cx: Context,
): Promise<Alive> {
  const folders = await subfolders(join(runDir, 'vms'), cx);
  const ids = new Set(folders.filter((name) => VmId.safeParse(name).success));
  return { has: (vm) => registry.byId(vm) !== undefined || ids.has(vm) };
}

/** Removes what carries thaw's mark and belongs to no VM. */
export class Collector {
  readonly #parts: CollectorParts;

  constructor(parts: CollectorParts) {
    this.#parts = parts;
  }

  /** Returns what was removed, or what would be. */
  async collect({ dryRun, signal }: { dryRun: boolean; signal: AbortSignal }): Promise<readonly string[]> {
    const { operations, fabric } = this.#parts;
    if (dryRun) {
      const cx = operations.looking(signal);
      return fabric.strays(await whoLives(this.#parts, cx), cx);
    }
    const operation = operations.begin({ method: 'network.gc', vm: null, name: null, signal });
    const { cx } = operation;
    try {
      const removed = await fabric.sweep(await whoLives(this.#parts, cx), cx);
      operation.end('committed');
      return removed;
    } catch (thrown) {
      throw operation.refuse(thrown);
    }
  }
}
