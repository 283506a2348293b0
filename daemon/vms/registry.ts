import { nameTaken, vmUnknown } from '../api/errors/vm.js';
import { withNearest } from '../api/nearest.js';
import { Drives } from './drives.js';
import { Room } from './room.js';
import type { Vm } from './vm.js';

/**
 * The VMs of ours, by id and by name, and the files of their drives. Names and files are taken at once, before anything
 * is made for them, and kept until the VM is removed.
 */
export class Registry {
  readonly #byId = new Map<string, Vm>();
  readonly #byDir = new Map<string, Vm>();
  readonly #idByName = new Map<string, string>();
  readonly #nameById = new Map<string, string>();
  /** What a VM has here goes with {@link remove}. */
  readonly drives = new Drives((id) => this.#nameById.get(id) ?? id);
  /** Likewise. */
  readonly room = new Room();

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
    this.#nameById.set(id, name);
  }

  /** The id of the VM that has a name. */
  holderOf(name: string): string | undefined {
    return this.#idByName.get(name);
  }

  /** Frees the name of a VM, if it has one. */
  freeName(id: string): void {
    const name = this.#nameById.get(id);
    this.#nameById.delete(id);
    if (name !== undefined) this.#idByName.delete(name);
  }

  add(vm: Vm): void {
    this.#byId.set(vm.id, vm);
    this.#byDir.set(homeOf(vm), vm);
  }

  /** Forgets a VM and frees its name, drives and room: what was taken, which its record may never have come to say. */
  remove(vm: Vm): void {
    this.#byId.delete(vm.id);
    this.#byDir.delete(homeOf(vm));
    this.freeName(vm.id);
    this.drives.free(vm.id);
    this.room.free(vm.id);
  }

  byId(id: string): Vm | undefined {
    return this.#byId.get(id);
  }

  /** The VM whose folder this is. */
  byDir(dir: string): Vm | undefined {
    return this.#byDir.get(dir);
  }

  /** Whether this is a VM that people see. */
  has(ref: string): boolean {
    return this.#visible(ref) !== undefined;
  }

  /** @throws vmUnknown */
  find(ref: string): Vm {
    const vm = this.#visible(ref);
    if (vm === undefined) throw withNearest(vmUnknown({ vm: ref }), ref, this.#names(ref));
    return vm;
  }

  /** What `ref` may be a misspelling of; of ids there are too many alike. */
  #names(ref: string): Iterable<string> {
    return ref.startsWith('vm-') ? [] : this.#idByName.keys();
  }

  #visible(ref: string): Vm | undefined {
    const vm = this.#byId.get(this.#idByName.get(ref) ?? ref);
    return vm?.record.name === null ? undefined : vm;
  }
}

/** Where a VM's folder is found; not always where its VMM works. */
const homeOf = ({ dir, record }: Vm): string => record.adopted?.dir ?? dir;
