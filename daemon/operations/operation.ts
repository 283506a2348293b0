import type { OperationId } from '../api/shapes/ids.js';
import type { Span, Timeline } from '../api/shapes/vm.js';
import { ThawError } from '../api/thaw-error.js';
import { askerOf, type Asker } from './askers.js';
import { internal } from '../api/errors/rpc.js';
import type { Context, Probe } from '../../plugins/contract.js';

/** What an operation tells while it runs. */
export type StepListener = (step: string, state: 'began' | 'done' | 'failed' | 'undoing') => void;

export interface OperationStart {
  readonly id: OperationId;
  readonly method: string;
  readonly vm: string | null;
  readonly name: string | null;
  /** The caller's signal; others may abort the operation too. */
  readonly signal?: AbortSignal | undefined;
  /** Who is behind it, where that is not told by its signal because it has none. */
  readonly asker?: Asker | undefined;
  /** Whose clone it makes, or that it makes or deletes; where left out, that which its VM was made from. */
  readonly snapshot?: string | null | undefined;
  /** Injects faults; tests only. */
  readonly edge?: Probe['edge'];
}

/** What every line in the log about an operation carries. */
export interface Tags extends Partial<Asker> {
  readonly operation: string;
  readonly method: string;
  readonly vm: string | null;
  readonly name: string | null;
  readonly snapshot: string | null;
}

/**
 * One change under way. It owns the signal that all it does listens to, and what happened when: the timeline,
 * progress and a VM's current step are views of it.
 */
export class Operation {
  readonly id: OperationId;
  readonly method: string;
  readonly vm: string | null;
  readonly name: string | null;
  /** For what the operation does; aborts with the caller's signal or {@link abort}. */
  readonly cx: Context;
  /** Resolves when it has ended, whichever way, its undo included. */
  readonly settled: Promise<void>;
  readonly #probe: Probe;
  readonly #abort = new AbortController();
  readonly #spans: Span[] = [];
  readonly #startedAt = Date.now();
  readonly #origin = performance.now();
  readonly #start: OperationStart;
  readonly #follow: () => void;
  readonly #followers: StepListener[] = [];
  #settle: () => void = () => undefined;
  #endedAt: number | null = null;
  #outcome: Timeline['outcome'] = 'under-way';
  #error: Timeline['error'] = null;
  #step: string | null = null;

  constructor(start: OperationStart) {
    this.#start = start;
    this.id = start.id;
    this.method = start.method;
    this.vm = start.vm;
    this.name = start.name;
    this.settled = new Promise((resolve) => (this.#settle = resolve));
    this.#follow = () => this.#abort.abort(start.signal?.reason);
    if (start.signal?.aborted) this.#follow();
    else start.signal?.addEventListener('abort', this.#follow);
    this.#probe = {
      edge: start.edge,
      effect: (name, took) => {
        const [start, end] = [took.start - this.#origin, took.end - this.#origin];
        this.#spans.push({ name, kind: 'effect', start, end, outcome: took.failed ? 'failed' : 'done' });
      },
    };
    this.cx = { signal: this.#abort.signal, probe: this.#probe };
  }

  get tags(): Tags {
    const { id, method, vm, name } = this;
    const { snapshot = null, signal, asker = askerOf(signal) } = this.#start;
    return { operation: id, method, vm, name, snapshot, ...asker };
  }

  /** The step under way, null between steps. */
  get step(): string | null {
    return this.#step;
  }

  /** Tells `listener` of every step from now on. */
  follow(listener: StepListener): void {
    this.#followers.push(listener);
  }

  /** Asks it to stop; what it has done is undone by whoever runs it. */
  abort(reason: ThawError): void {
    this.#abort.abort(reason);
  }

  /** A context whose effects show in this timeline but which only `signal` ends: for undo. */
  aside(signal: AbortSignal): Context {
    return { signal, probe: this.#probe };
  }

  /** Runs one step under the timeline's eyes. */
  async during<T>(name: string, kind: 'step' | 'undo', fn: () => Promise<T>): Promise<T> {
    const span: Span = { name, kind, start: this.#now(), end: null, outcome: 'under-way' };
    this.#spans.push(span);
    this.#step = name;
    this.#tell(name, kind === 'undo' ? 'undoing' : 'began');
    try {
      const result = await fn();
      span.outcome = 'done';
      if (result !== undefined && kind === 'step') span.detail = result;
      if (kind === 'step') this.#tell(name, 'done');
      return result;
    } catch (error) {
      span.outcome = 'failed';
      if (kind === 'step') this.#tell(name, 'failed');
      throw error;
    } finally {
      span.end = this.#now();
      this.#step = null;
    }
  }

  /** Notes an instant, e.g. `ready`. */
  mark(name: string): void {
    const now = this.#now();
    this.#spans.push({ name, kind: 'mark', start: now, end: now, outcome: 'done' });
  }

  /** Ends it. Called once, by whoever runs it, after any undo. */
  end(outcome: 'committed' | 'undone' | 'failed', error?: unknown): void {
    this.#outcome = outcome;
    this.#endedAt = Date.now();
    if (error !== undefined) {
      const known = asThawError(error);
      this.#error = { code: known.code, message: known.message, reason: known.reason };
    }
    this.#start.signal?.removeEventListener('abort', this.#follow);
    this.#settle();
  }

  /** Ends it before it has done anything; returns the error to throw, with the operation named in it. */
  refuse(thrown: unknown): ThawError {
    const error = asThawError(thrown).within(this.id);
    this.end('undone', error);
    return error;
  }

  timeline(): Timeline {
    return {
      operation: this.id,
      method: this.method,
      vm: this.vm,
      name: this.name as Timeline['name'],
      startedAt: this.#startedAt,
      endedAt: this.#endedAt,
      outcome: this.#outcome,
      error: this.#error,
      spans: this.#spans.map((span) => ({ ...span })),
    };
  }

  #tell(...news: Parameters<StepListener>): void {
    for (const follower of this.#followers) follower(...news);
  }

  #now(): number {
    return performance.now() - this.#origin;
  }
}

/** Any thrown value as an entry of the registry. */
export function asThawError(error: unknown): ThawError {
  if (error instanceof ThawError) return error;
  const what = error instanceof Error ? error.message : String(error);
  return internal({ what }, { cause: error });
}
