import { basename } from 'node:path';
import type { Vm as VmView } from '../api/shapes/vm.js';
import { socketsAmong } from '../effects/run-watch.js';
import type { EventHub } from '../events/hub.js';
import type { Log } from '../log/logger.js';
import { Hints } from '../operations/hints.js';
import { Turnstile } from '../operations/turnstile.js';
import type { Context } from '../../plugins/contract.js';
import { ask, probe, type ForeignVm } from './foreign-vm.js';
import { RunFolders } from './run-folders.js';

/** Where other managers put the API socket in a VM's folder. */
const layouts = ['sock/fc.sock', 'fc.sock', 'firecracker.sock', 'sock/firecracker.sock', 'api.sock'] as const;
const names: ReadonlySet<string> = new Set(layouts.map((path) => basename(path)));

/** Sockets asked side by side: each may take a second. */
const probes = 64;
/** A VMM binds its socket before it listens: what does not answer is asked so often, then whenever all are looked at. */
const tries = 6;

/** A folder with sockets where a VM's may be. */
interface Seen {
  /** Which sockets they are. */
  readonly sockets: string;
  readonly vm: ForeignVm | null;
  /** How often they were asked in vain. */
  readonly failed: number;
  /** To be asked: over its connection, where it has one, or over a new one. */
  readonly due: 'again' | 'anew' | null;
}

export interface ForeignVmsParts {
  readonly runDir: string;
  /** Whether a folder is that of a VM of ours. */
  readonly ours: (dir: string) => boolean;
  /** Something happened to the folder of one of ours. */
  readonly onOurs: (dir: string) => void;
  readonly events: EventHub;
  readonly log: Log;
  readonly cx: Context;
}

/**
 * VMs that somebody else runs in our run directory: shown, never touched. A folder alone is no VM, nor is a socket's
 * file: only what answers `GET /` as a Firecracker counts. Hints of the watch only say where to look again.
 */
export class ForeignVms {
  readonly #parts: ForeignVmsParts;
  readonly #seen = new Map<string, Seen>();
  readonly #hints = new Hints<string>((dir) => this.#look(dir));
  readonly #turnstile = new Turnstile(probes);
  #folders: RunFolders | null = null;

  private constructor(parts: ForeignVmsParts) {
    this.#parts = parts;
  }

  /** Starts to watch, then looks at all that is there. */
  static async open(parts: ForeignVmsParts): Promise<ForeignVms> {
    const { runDir, log, cx } = parts;
    const vms = new ForeignVms(parts);
    const onHint = (dir: string): void => vms.#hint(dir);
    const onAll = (): void => vms.#hints.hint(runDir);
    vms.#folders = await RunFolders.open({ runDir, names, inner: 'sock', onHint, onAll, log, cx });
    try {
      await vms.lookAtAll();
    } catch (error) {
      // A watch left open would keep a daemon that could not start from ending.
      await vms.close();
      throw error;
    }
    return vms;
  }

  list(): VmView[] {
    return [...this.#seen.values()].flatMap(({ vm }) => vm?.view ?? []);
  }

  find(ref: string): VmView | undefined {
    return this.list().find((view) => view.id === ref || view.name === ref);
  }

  /** Stops to show what is ours by now. */
  forget(dir: string): void {
    this.#seen.get(dir)?.vm?.api.close();
    this.#seen.delete(dir);
    this.#folders?.leave(dir);
  }

  /** Looks at a folder that is ours no more. */
  lookAgain(dir: string): Promise<void> {
    return this.#hints.look([dir]);
  }

  /** Looks at every folder, whatever the watch has told: it loses hints where too many come. */
  async lookAtAll(): Promise<void> {
    for (const dir of this.#seen.keys()) this.#due(dir, 'again');
    await this.#hints.look([...((await this.#folders?.all()) ?? []), ...this.#seen.keys()]);
  }

  /** The same where mounts have changed, of which no watch tells. */
  async lookAtMounts(): Promise<void> {
    if ((await this.#folders?.remounted()) === true) await this.lookAtAll();
  }

  async close(): Promise<void> {
    await this.#hints.close();
    this.#folders?.close();
    for (const { vm } of this.#seen.values()) {
      vm?.api.close();
      // The next daemon tells of those that it finds: whoever goes on with its events must not keep the others.
      if (vm) this.#tell('vm.removed', vm.view);
    }
    this.#seen.clear();
  }

  #hint(dir: string): void {
    if (this.#parts.ours(dir)) this.#parts.onOurs(dir);
    else this.#hints.hint(dir);
  }

  /** Looks at a VM's folder; at all where it is the run directory. */
  async #look(dir: string): Promise<void> {
    const { runDir, cx, ours } = this.#parts;
    if (dir === runDir) return this.lookAtAll();
    if (ours(dir)) {
      this.forget(dir);
      return;
    }
    const there = (await this.#folders?.follow(dir)) === true;
    const sockets = there ? await socketsAmong({ dir, candidates: layouts }, cx) : [];
    const before = this.#seen.get(dir);
    const all = sockets.map(({ path, stamp }) => `${path} ${stamp}`).join();
    const same = before?.sockets === all;
    if (same && before.due === null && (before.vm || before.failed >= tries)) return;
    const place = <T>(fn: () => Promise<T>): Promise<T> => this.#turnstile.through(cx.signal, fn);
    const open = same && before.due !== 'anew' ? before.vm : null;
    let vm = open && (await place(() => ask(open, cx)));
    // One of them may be stale.
    for (const { path } of sockets) vm ??= await place(() => probe({ dir, apiSocket: path }, cx));
    const failed = vm ? 0 : (same ? before.failed : 0) + 1;
    this.#saw(dir, sockets.length === 0 ? null : { sockets: all, vm, failed, due: null });
  }

  /** Takes what a look has shown of a folder's sockets; null where it has none. */
  #saw(dir: string, seen: Seen | null): void {
    const { vm: before = null, due = null } = this.#seen.get(dir) ?? {};
    const { api, view } = seen?.vm ?? {};
    if (this.#parts.ours(dir)) {
      api?.close();
      this.forget(dir);
      return;
    }
    if (before?.api !== api) {
      before?.api.close();
      // Its end closes our connection.
      api?.onClose(() => this.#due(dir, 'anew'));
    }
    // It may have closed while it was asked.
    if (seen) this.#seen.set(dir, before?.api === api && due === 'anew' ? { ...seen, due } : seen);
    else this.#seen.delete(dir);
    if (seen && !view && seen.failed < tries) this.#hints.later(dir);
    const shown = view ?? before?.view;
    if (shown === undefined || before?.view.power.is === view?.power.is) return;
    this.#tell(view ? 'vm.changed' : 'vm.removed', shown);
  }

  #tell(type: 'vm.changed' | 'vm.removed', { id, name }: VmView): void {
    this.#parts.events.emit({ type, vm: id, detail: { name, origin: 'foreign' } });
  }

  #due(dir: string, due: 'again' | 'anew'): void {
    const seen = this.#seen.get(dir);
    if (seen && seen.due !== 'anew') this.#seen.set(dir, { ...seen, due });
    if (due === 'anew') this.#hint(dir);
  }
}
