import type { Fleet } from '../vmm/fleet.js';
import type { HealthWatch } from '../vms/health-watch.js';
import { socketGone } from '../vms/health.js';
import type { Lifecycle } from '../vms/lifecycle.js';
import type { Registry } from '../vms/registry.js';
import type { Vm } from '../vms/vm.js';
import { Hints } from '../operations/hints.js';
import type { Operations } from '../operations/operations.js';
import type { Reconciler } from './reconciler.js';

export interface AttentionParts {
  readonly registry: Registry;
  readonly lifecycle: Lifecycle;
  readonly fleet: Fleet;
  readonly operations: Operations;
  readonly reconciler: Reconciler;
  readonly watch: HealthWatch;
}

/**
 * Looks at a VM of ours as soon as something hints that what it has on disk was changed by others, instead of when its
 * turn comes. Most hints are of our own doing: they end at one look at its socket.
 */
export class Attention {
  #parts: AttentionParts | null = null;
  readonly #closing = new AbortController();
  readonly #hints = new Hints<Vm>((vm) => this.#look(vm));

  /** From here on hints are followed. Those before are of no use: at its start the daemon looks at all. */
  begin(parts: AttentionParts): void {
    this.#parts = parts;
  }

  /** Something happened to what this VM has on disk; nothing to what is no VM. */
  hint(vm: Vm | undefined): void {
    if (vm && this.#parts) this.#hints.hint(vm);
  }

  /** Gives up what is being looked at. */
  async close(): Promise<void> {
    this.#closing.abort(new DOMException('closed', 'AbortError'));
    await this.#hints.close();
  }

  async #look(vm: Vm): Promise<void> {
    if (!this.#parts) return;
    const { registry, lifecycle, fleet, operations, reconciler, watch } = this.#parts;
    const { signal } = this.#closing;
    if (registry.byId(vm.id) !== vm || lifecycle.burying(vm)) return;
    const known = vm.observed.degraded?.reason === socketGone.reason;
    if ((await fleet.seated(vm.id, operations.looking(signal))) !== known) return;
    if (vm.operation) {
      this.#hints.later(vm);
      return;
    }
    await reconciler.lookAt(vm, signal);
    await watch.lookAt(vm, signal);
  }
}
