import { join } from 'node:path';
import { vmmLogCut, vmmLogSize } from '../effects/vmm-log.js';
import type { Log } from '../log/logger.js';
import type { Operations } from '../operations/operations.js';
import { vmmFiles } from '../vmm/process.js';
import type { Registry } from './registry.js';

/** Keeps what VMMs and their guests' consoles say from filling the run directory. */
export class LogKeeper {
  readonly #parts: { registry: Registry; operations: Operations; log: Log };
  #most: number;

  /** @param parts.most bytes of a VM's log, and as much again that is older */
  constructor({ most, ...parts }: { registry: Registry; operations: Operations; log: Log; most: number }) {
    this.#parts = parts;
    this.#most = most;
  }

  /** Changes the bound. */
  bound(most: number): void {
    this.#most = most;
  }

  /** One look at all logs of ours. */
  async look(signal: AbortSignal): Promise<void> {
    const { registry, operations, log } = this.#parts;
    const cx = operations.looking(signal);
    for (const { id, dir, record } of registry.all()) {
      if (record.adopted) continue;
      const path = join(dir, vmmFiles.log);
      try {
        if ((await vmmLogSize(path, cx)) > this.#most) await vmmLogCut({ path, most: this.#most }, cx);
      } catch (err) {
        signal.throwIfAborted();
        log.warn({ vm: id, err }, 'a VM’s log could not be cut');
      }
    }
  }
}
