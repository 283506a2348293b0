import { Namespace } from '../effects/namespace.js';
import { namespaceGone } from '../../../daemon/api/errors/namespaces.js';
import type { ContainerSpace } from '../../contract.js';
import type { NamespacePool } from './pool.js';

/** The network namespaces of VMs. Each is held open for as long as its VM holds the step, so that it can be looked at. */
export class Namespaces {
  /** Null for one that a record names, and that nobody has found again. */
  readonly #byVm = new Map<string, Namespace | null>();
  readonly #pool: NamespacePool;

  constructor(pool: NamespacePool) {
    this.#pool = pool;
  }

  /** Gives a VM one that routes, or a plain one; the one that it has already is as good. @throws namespaceLimit, systemCallFailed */
  give(vm: string, plain = false): Namespace {
    const already = this.#byVm.get(vm);
    if (already) return already;
    const namespace = plain ? Namespace.make() : this.#pool.take();
    this.#byVm.set(vm, namespace);
    return namespace;
  }

  /** Gives a VM that of a container. @throws namespaceGone */
  share(vm: string, { pid, netns }: ContainerSpace): Namespace {
    const already = this.#byVm.get(vm);
    if (already) return already;
    const namespace = Namespace.named(pid, netns);
    if (!namespace) throw namespaceGone({ vm });
    this.#byVm.set(vm, namespace);
    return namespace;
  }

  /** A record says that a VM has one, or that of a container. */
  adopt(vm: string, space?: ContainerSpace): void {
    if (!this.#byVm.has(vm)) this.#byVm.set(vm, space ? Namespace.named(space.pid, space.netns) : null);
  }

  /** Which process lives in it, as another daemon has left it: where a record says that the VM has one. */
  inhabited(vm: string, pid: number): void {
    if (this.#byVm.get(vm) === null) this.#byVm.set(vm, Namespace.of(pid));
  }

  /** Null where it is gone, or the VM never had one. */
  find(vm: string): Namespace | null {
    return this.#byVm.get(vm) ?? null;
  }

  /** @throws namespaceGone */
  of(vm: string): Namespace {
    const namespace = this.#byVm.get(vm);
    if (!namespace) throw namespaceGone({ vm });
    return namespace;
  }

  /** Lets go of a VM's: it ends with the last process that lives in it. */
  drop(vm: string): void {
    this.#byVm.get(vm)?.close();
    this.#byVm.delete(vm);
  }

  /** Lets go of all; VMs live on in theirs. */
  close(): void {
    for (const namespace of this.#byVm.values()) namespace?.close();
    this.#byVm.clear();
    this.#pool.close();
  }
}
