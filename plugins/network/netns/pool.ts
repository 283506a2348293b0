import { Namespace } from '../effects/namespace.js';

/** Milliseconds from a namespace's being taken to the making of the next: the clone that took it goes first. */
const rest = 50;

/**
 * Network namespaces made before anybody asks, refilled in the background, one at a time. Whoever comes when it is
 * empty has one made (0.4 ms against nothing). They are held by descriptors only: none outlives the daemon.
 */
export class NamespacePool {
  readonly #size: number;
  readonly #ready: Namespace[] = [];
  readonly #failed: (error: unknown) => void;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  /** `failed` hears why one could not be made in the background; the next `take` tries again. */
  constructor(size: number, failed: (error: unknown) => void) {
    this.#size = size;
    this.#failed = failed;
  }

  get ready(): number {
    return this.#ready.length;
  }

  /** @throws namespaceLimit, systemCallFailed */
  take(): Namespace {
    const namespace = this.#ready.shift() ?? Namespace.makeRouter();
    this.fill();
    return namespace;
  }

  /** Starts to fill up, unless that is under way. */
  fill(): void {
    if (this.#timer ?? this.#closed) return;
    if (this.#ready.length >= this.#size) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      try {
        this.#ready.push(Namespace.makeRouter());
        this.fill();
      } catch (error) {
        this.#failed(error);
      }
    }, rest).unref();
  }

  close(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    for (const namespace of this.#ready.splice(0)) namespace.close();
  }
}
