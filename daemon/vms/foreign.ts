import { basename, dirname, join, relative } from 'node:path';
import type { Vm as VmView } from '../api/shapes/vm.js';
import { runWatch, socketsAmong, subfolders, type RunWatch } from '../effects/run-watch.js';
import type { EventHub } from '../events/hub.js';
import type { VmmDescription } from '../vmm/answers.js';
import { VmmApi } from '../vmm/api.js';
import { within, type Context } from '../../plugins/contract.js';

/** Where other managers put the API socket in a VM's folder. */
const layouts = ['sock/fc.sock', 'fc.sock', 'firecracker.sock', 'sock/firecracker.sock', 'api.sock'] as const;

/** What lies in the run directory beside VMs. */
const reserved: ReadonlySet<string> = new Set(['vms', 'records']);

/** Milliseconds for a socket to show that a Firecracker is behind it. */
const probeDeadline = 1_000;
/** Milliseconds after which what could not be looked at is tried again. */
const patience = 1_000;
/** Milliseconds to gather hints: one change makes several. */
const gather = 20;

interface Foreign {
  readonly api: VmmApi;
  readonly view: VmView;
}

export interface ForeignVmsParts {
  readonly runDir: string;
  /** Whether a folder is that of a VM of ours. */
  readonly ours: (dir: string) => boolean;
  readonly events: EventHub;
  readonly cx: Context;
}

/**
 * VMs that somebody else runs in our run directory: shown, never touched. A folder alone is no VM, nor is a socket's
 * file: only what answers `GET /` as a Firecracker counts. Hints of the watch only say where to look again.
 */
export class ForeignVms {
  readonly #parts: ForeignVmsParts;
  readonly #found = new Map<string, Foreign>();
  readonly #dirty = new Set<string>();
  #watch: RunWatch | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  #looking: Promise<void> = Promise.resolve();

  private constructor(parts: ForeignVmsParts) {
    this.#parts = parts;
  }

  /** Starts to watch, then looks at all that is there. */
  static async open(parts: ForeignVmsParts): Promise<ForeignVms> {
    const vms = new ForeignVms(parts);
    const { runDir, ours, cx } = parts;
    vms.#watch = await runWatch(
      {
        root: runDir,
        ignore: (path) => ours(path) || ours(dirname(path)) || relative(runDir, path).startsWith('records'),
        onHint: (path) => vms.#hint(path),
      },
      cx,
    );
    try {
      for (const parent of [runDir, join(runDir, 'vms')]) {
        for (const name of await subfolders(parent, cx)) vms.#hint(join(parent, name));
      }
      await vms.#look();
    } catch (error) {
      // A watch left open would keep a daemon that could not start from ending.
      await vms.close();
      throw error;
    }
    return vms;
  }

  list(): VmView[] {
    return [...this.#found.values()].map(({ view }) => view);
  }

  find(ref: string): VmView | undefined {
    return this.list().find((view) => view.id === ref || view.name === ref);
  }

  /** Stops to show what is ours by now. */
  forget(dir: string): void {
    this.#found.get(dir)?.api.close();
    this.#found.delete(dir);
  }

  /** Looks at a folder that is ours no more. */
  async lookAgain(dir: string): Promise<void> {
    this.#dirty.add(dir);
    this.#looking = this.#looking.then(() => this.#look());
    await this.#looking;
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#watch?.close();
    await this.#looking;
    for (const { api, view } of this.#found.values()) {
      api.close();
      // The next daemon tells of those that it finds: whoever goes on with its events must not keep the others.
      this.#tell('vm.removed', view);
    }
    this.#found.clear();
  }

  /** Notes that something happened at a path; the folder of the VM there is looked at soon. */
  #hint(path: string): void {
    const parts = relative(this.#parts.runDir, path).split('/');
    const name = parts[0] === 'vms' ? parts.slice(0, 2) : parts.slice(0, 1);
    const last = name.at(-1);
    if (last === undefined || last === '' || last === '..' || reserved.has(last)) return;
    const dir = join(this.#parts.runDir, ...name);
    if (this.#parts.ours(dir)) return;
    this.#dirty.add(dir);
    this.#lookIn(gather);
  }

  #lookIn(milliseconds: number): void {
    if (this.#closed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#looking = this.#looking.then(() => this.#look());
    }, milliseconds);
  }

  /** Never rejects: nobody waits for it. What can't be looked at now (too many open files, say) is tried again. */
  async #look(): Promise<void> {
    const dirs = [...this.#dirty];
    this.#dirty.clear();
    const again = async (dir: string): Promise<void> => {
      await this.#lookAt(dir).catch(() => this.#dirty.add(dir));
    };
    await Promise.all(dirs.map(again));
    if (this.#dirty.size > 0) this.#lookIn(patience);
  }

  async #lookAt(dir: string): Promise<void> {
    const { cx, ours } = this.#parts;
    const before = this.#found.get(dir);
    before?.api.close();
    this.#found.delete(dir);
    const sockets = ours(dir) ? [] : await socketsAmong({ dir, candidates: layouts }, cx);
    let found: Foreign | null = null;
    // One of them may be stale.
    for (const socket of sockets) found ??= await this.#probe(dir, join(dir, socket));
    if (found) this.#found.set(dir, found);
    const { view } = found ?? before ?? {};
    if (view === undefined || (before && found && before.view.power.is === found.view.power.is)) return;
    this.#tell(found ? 'vm.changed' : 'vm.removed', view);
  }

  #tell(type: 'vm.changed' | 'vm.removed', { id, name }: VmView): void {
    this.#parts.events.emit({ type, vm: id, detail: { name, origin: 'foreign' } });
  }

  async #probe(dir: string, apiSocket: string): Promise<Foreign | null> {
    const { cx } = this.#parts;
    const api = new VmmApi({ vm: basename(dir), socketPath: apiSocket });
    try {
      const described = await within(cx, { what: 'a probe', milliseconds: probeDeadline }, (inner) =>
        api.describe(inner),
      );
      // Its end closes our connection: look again then.
      api.onClose(() => this.#hint(dir));
      return { api, view: foreignView({ dir, apiSocket, described }) };
    } catch {
      // Stale, or the socket of another program: no VM, and nothing to report.
      api.close();
      return null;
    }
  }
}

function foreignView(facts: { dir: string; apiSocket: string; described: VmmDescription }): VmView {
  const { dir, apiSocket, described } = facts;
  const at = Date.now();
  const power =
    described.state === 'Running' ? 'running' : described.state === 'Paused' ? 'paused' : 'unknown';
  return {
    id: basename(dir),
    name: basename(dir),
    word: 'foreign',
    origin: 'foreign',
    createdAt: at,
    expiresAt: null,
    process: { is: 'alive', at, pid: null, startTime: null },
    power: { is: power, at },
    readiness: { is: 'not-asked', at },
    attachments: [],
    snapshot: null,
    strategy: null,
    reservedSnapshot: null,
    dir,
    apiSocket,
    vmmVersion: described.vmm_version,
    operation: null,
    limits: null,
    labels: {},
    container: null,
    warnings: [],
  };
}
