import { basename, dirname, join } from 'node:path';
import { mountsAround, mountsChanged, mountsOpen, type MountTable } from '../effects/mounts.js';
import { folderWatch, foldersThere, subfolders, type FolderWatch } from '../effects/run-watch.js';
import type { Log } from '../log/logger.js';
import type { Context } from '../../plugins/contract.js';

/** What lies in the run directory beside VMs. */
const reserved: ReadonlySet<string> = new Set(['vms', 'records']);

export interface RunFoldersParts {
  readonly runDir: string;
  /** Names that count in a VM's folder; those in `inner`, too. */
  readonly names: ReadonlySet<string>;
  /** A folder in a VM's folder that is watched as well. */
  readonly inner: string;
  /** Something happened to a VM's folder, or in it. */
  readonly onHint: (dir: string) => void;
  /** Anything may have happened: another run directory lies there. */
  readonly onAll: () => void;
  readonly log: Log;
  readonly cx: Context;
}

interface Armed {
  readonly watch: FolderWatch;
  /** The folder that is watched, whatever lies at its path by now. */
  readonly folder: string;
}

/**
 * Watches the folders in which VMs lie: `<runDir>/<name>` and `<runDir>/vms/<name>`. A change is known by its name, so
 * that ten thousand folders cost no more than one. What inotify can't tell, a mount over a folder for one, is found by
 * {@link all}, which compares what is watched with what is there.
 */
export class RunFolders {
  readonly #parts: RunFoldersParts;
  readonly #vms: string;
  readonly #armed = new Map<string, Armed>();
  readonly #mounts: MountTable;
  #around = '';
  #full = false;
  #closed = false;

  private constructor(parts: RunFoldersParts, mounts: MountTable) {
    this.#parts = parts;
    this.#vms = join(parts.runDir, 'vms');
    this.#mounts = mounts;
  }

  static async open(parts: RunFoldersParts): Promise<RunFolders> {
    const { runDir, cx } = parts;
    const folders = new RunFolders(parts, await mountsOpen(undefined, cx));
    try {
      folders.#around = await mountsAround(runDir, cx);
      await folders.#armRoots();
    } catch (error) {
      folders.close();
      throw error;
    }
    return folders;
  }

  /** All folders in which a VM may lie. */
  async all(): Promise<readonly string[]> {
    await this.#armRoots();
    const { runDir, cx } = this.#parts;
    const names = (await subfolders(runDir, cx)).filter((name) => !reserved.has(name));
    return [
      ...names.map((name) => join(runDir, name)),
      ...(await subfolders(this.#vms, cx)).map((name) => join(this.#vms, name)),
    ];
  }

  /** Whether something was mounted or unmounted in the run directory's way since this was last asked. */
  async remounted(): Promise<boolean> {
    const { runDir, cx } = this.#parts;
    if (!(await mountsChanged(this.#mounts, cx))) return false;
    const before = this.#around;
    this.#around = await mountsAround(runDir, cx);
    return this.#around !== before;
  }

  /** Watches a VM's folder from now on; false where there is none. */
  async follow(dir: string): Promise<boolean> {
    const { names, inner, onHint, cx } = this.#parts;
    const within = join(dir, inner);
    const [folder = null, innerFolder = null] = await foldersThere([dir, within], cx);
    if (folder === null) {
      this.leave(dir);
      return false;
    }
    await this.#arm(dir, folder, (name) => {
      if (name === inner) this.#disarm(within);
      if (names.has(name) || name === inner || name === '') onHint(dir);
    });
    await this.#arm(within, innerFolder, (name) => {
      if (names.has(name) || name === '') onHint(dir);
    });
    return true;
  }

  /** Watches a VM's folder no more. */
  leave(dir: string): void {
    this.#disarm(join(dir, this.#parts.inner));
    this.#disarm(dir);
  }

  close(): void {
    this.#closed = true;
    for (const { watch } of this.#armed.values()) watch.close();
    this.#armed.clear();
    this.#mounts.close();
  }

  /** Watches the run directory, what it lies in, and `vms`. */
  async #armRoots(): Promise<void> {
    const { runDir, onAll, cx } = this.#parts;
    const above = dirname(runDir);
    const [aboveFolder = null, root = null, vms = null] = await foldersThere([above, runDir, this.#vms], cx);
    await this.#arm(above, aboveFolder, (name) => {
      if (name !== basename(runDir)) return;
      this.#disarm(runDir);
      this.#disarm(this.#vms);
      onAll();
    });
    await this.#arm(runDir, root, (name) => {
      if (name === basename(this.#vms)) {
        this.#disarm(this.#vms);
        onAll();
      } else this.#told(runDir, name);
    });
    await this.#arm(this.#vms, vms, (name) => this.#told(this.#vms, name));
  }

  /** A folder of this name has come, gone or moved: whichever lies there now has to be watched anew. */
  #told(parent: string, name: string): void {
    if (name === '' || (parent === this.#parts.runDir && reserved.has(name))) return;
    const dir = join(parent, name);
    this.leave(dir);
    this.#parts.onHint(dir);
  }

  async #arm(dir: string, folder: string | null, onName: (name: string) => void): Promise<void> {
    const { log, cx } = this.#parts;
    if (folder !== null && this.#armed.get(dir)?.folder === folder) return;
    this.#disarm(dir);
    if (folder === null) return;
    const watch = await folderWatch({ dir, onName }, cx);
    if (watch === 'full' && !this.#full) {
      const remedy = 'raise fs.inotify.max_user_watches and max_user_instances';
      log.warn(
        { dir, remedy },
        'no inotify watch is left: changes here are seen at reconcile’s interval only',
      );
    }
    this.#full ||= watch === 'full';
    if (watch === null || watch === 'full') return;
    if (this.#closed) watch.close();
    else this.#armed.set(dir, { watch, folder });
  }

  #disarm(dir: string): void {
    this.#armed.get(dir)?.watch.close();
    this.#armed.delete(dir);
  }
}
