import { vmForeign, vmOurs } from '../api/errors/vm.js';
import type { Vm as VmView } from '../api/shapes/vm.js';
import type { ForeignVms } from './foreign.js';
import type { Registry } from './registry.js';
import type { Vm } from './vm.js';

/** All VMs that people see: ours, and those of others in our run directory. */
export class Vms {
  readonly #registry: Registry;
  readonly #foreign: ForeignVms;

  constructor(registry: Registry, foreign: ForeignVms) {
    this.#registry = registry;
    this.#foreign = foreign;
  }

  list(): VmView[] {
    return [...this.#registry.visible().map((vm) => vm.view()), ...this.#foreign.list()];
  }

  /** @throws vmUnknown */
  get(ref: string): VmView {
    return this.#strangers(ref) ?? this.#registry.find(ref).view();
  }

  /** A VM of somebody else. @throws vmOurs, vmUnknown */
  theirs(ref: string): VmView {
    const stranger = this.#strangers(ref);
    if (stranger) return stranger;
    throw vmOurs({ vm: this.#registry.find(ref).name });
  }

  /** A VM that may be changed. @throws vmUnknown, vmForeign */
  ours(ref: string): Vm {
    if (this.#strangers(ref)) throw vmForeign({ vm: ref });
    return this.#registry.find(ref);
  }

  /** A VM of somebody else; one of ours comes first, whatever others call their folders. */
  #strangers(ref: string): VmView | undefined {
    return this.#registry.has(ref) ? undefined : this.#foreign.find(ref);
  }
}
