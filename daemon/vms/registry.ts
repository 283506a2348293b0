import { nameTaken, vmUnknown } from '../api/errors/vm.js';
import type { Vm } from './vm.js';

/** The VMs of ours, by id and by name. Names are taken at once, before anything is made for them. */
export class Registry {
  readonly #byId = new Map<string, Vm>();
  readonly #idByName = new Map<string, string>();

  /** All, slots included. */
  all(): readonly Vm[] {
    return [...this.#byId.values()];
  }

  /** Those that people see: slots that nobody has taken are not yet VMs to them. */
  visible(): readonly Vm[] {
    return this.all().filter((vm) => vm.record.name !== null);
  }

  get size(): number {
    return this.#idByName.size;
  }

  /**
   * Takes a name for a VM that is about to be.
   * @throws nameTaken
   */
  takeName(name: string, id: string): void {
    const by = this.#idByName.get(name);
    if (by !== undefined) throw nameTaken({ name, by });
    this.#idByName.set(name, id);
  }

  freeName(name: string): void {
    this.#idByName.delete(name);
  }

  add(vm: Vm): void {
    this.#byId.set(vm.id, vm);
  }

  /** Forgets a VM and frees its name. */
  remove(vm: Vm): void {
    this.#byId.delete(vm.id);
    const { name } = vm.record;
    if (name !== null && this.#idByName.get(name) === vm.id) this.#idByName.delete(name);
  }

  byId(id: string): Vm | undefined {
    return this.#byId.get(id);
  }

  /** @throws vmUnknown */
  find(ref: string): Vm {
    const vm = this.#byId.get(this.#idByName.get(ref) ?? ref);
    if (vm === undefined || vm.record.name === null) throw vmUnknown({ vm: ref });
    return vm;
  }
}
