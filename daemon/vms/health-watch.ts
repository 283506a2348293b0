import type { Vm as VmView } from '../api/shapes/vm.js';
import { processAlive } from '../effects/process.js';
import type { EventHub } from '../events/hub.js';
import type { Operations } from '../operations/operations.js';
import { Turnstile } from '../operations/turnstile.js';
import type { Fleet } from '../vmm/fleet.js';
import { endable } from '../vmm/turns.js';
import type { Context } from '../../plugins/contract.js';
import { unreachable, type Fault, type Health } from './health.js';
import type { Herald } from './herald.js';
import type { Lifecycle } from './lifecycle.js';
import type { Registry } from './registry.js';
import type { Vm } from './vm.js';

export interface HealthWatchParts {
  readonly registry: Registry;
  readonly fleet: Fleet;
  readonly health: Health;
  readonly lifecycle: Lifecycle;
  readonly operations: Operations;
  readonly events: EventHub;
  readonly herald: Herald;
  /** Seconds between two questions to the same agent; 0 to ask none. */
  readonly agentSeconds: number;
}

/** VMs looked at side by side. */
const atOnce = 16;

const interrupted = Symbol('an operation began');

/**
 * Looks after the VMs that nobody works on: process, API and, less often, agent. An operation that begins ends the look
 * at once; what was seen until then is forgotten.
 */
export class HealthWatch {
  readonly #parts: HealthWatchParts;
  readonly #asked = new WeakMap<Vm, number>();
  #agentSeconds: number;

  constructor(parts: HealthWatchParts) {
    this.#parts = parts;
    this.#agentSeconds = parts.agentSeconds;
  }

  /** Changes how often agents are asked. */
  askEvery(seconds: number): void {
    this.#agentSeconds = seconds;
  }

  /** One round. */
  async look(signal: AbortSignal): Promise<void> {
    const { registry, operations } = this.#parts;
    const cx = operations.looking(signal);
    const places = new Turnstile(atOnce);
    await Promise.all(registry.visible().map((vm) => places.through(signal, () => this.#lookAt(vm, cx))));
  }

  /** One VM, out of its turn. */
  lookAt(vm: Vm, signal: AbortSignal): Promise<void> {
    return this.#lookAt(vm, this.#parts.operations.looking(signal));
  }

  async #lookAt(vm: Vm, cx: Context): Promise<void> {
    if (vm.operation || vm.record.kept || vm.record.removing || this.#parts.lifecycle.burying(vm)) return;
    const before = vm.view();
    try {
      const arm = (end: (reason: unknown) => void): (() => void) => vm.onClaim(() => end(interrupted));
      await endable({ cx, arm }, (inner) => this.#see(vm, inner));
    } catch (error) {
      if (error === interrupted) return;
      throw error;
    }
    // Its end may have been seen meanwhile: that is told by whoever frees it.
    if (vm.observed.process.is === 'alive') this.#tell(vm, before);
  }

  async #see(vm: Vm, cx: Context): Promise<void> {
    const { fleet, health } = this.#parts;
    const process = fleet.find(vm.id)?.process;
    // Without one its end has been seen, and is somebody's matter already.
    if (!process) return;
    if (!(await processAlive(process, cx))) {
      process.suspect();
      return;
    }
    const { power, fault } = await health.apiOf(vm, cx);
    // One that ends is silent first: that is no fault to tell of.
    if (fault !== null && !(await processAlive(process, cx))) return;
    const agent = power === 'running' && this.#due(vm) ? await health.agentOf(vm, cx) : this.#lastOf(vm);
    cx.signal.throwIfAborted();
    if (power !== vm.observed.power.is) vm.sawPower(power);
    const now = fault ?? agent;
    if (now?.reason !== vm.observed.degraded?.reason) vm.sawFault(now);
  }

  /** What was last known of an agent that is not asked now. */
  #lastOf(vm: Vm): Fault | null {
    return vm.observed.degraded?.reason === unreachable.reason ? unreachable : null;
  }

  #due(vm: Vm): boolean {
    const agentSeconds = this.#agentSeconds;
    const now = performance.now();
    if (agentSeconds === 0 || now - (this.#asked.get(vm) ?? -Infinity) < agentSeconds * 1000) return false;
    this.#asked.set(vm, now);
    return true;
  }

  #tell(vm: Vm, before: VmView): void {
    const after = vm.view();
    const type = eventOf(before, after);
    if (type === null) return;
    const { readiness } = after;
    const why = readiness.is === 'degraded' ? { reason: readiness.reason, remedy: readiness.remedy } : {};
    const detail = { name: vm.name, state: after.word, ...why };
    // Plugins hear of it in their own time: nothing is waiting for them.
    if (type !== 'vm.changed') void this.#parts.herald.tell(type, vm, { operation: null, detail });
    else this.#parts.events.emit({ type, vm: vm.id, detail });
  }
}

/** What is to be told of what a look has changed; null for nothing. Pure. */
export function eventOf(before: VmView, after: VmView): 'vm.degraded' | 'vm.ready' | 'vm.changed' | null {
  const [was, is] = [before.readiness, after.readiness];
  const reason = was.is === 'degraded' ? was.reason : null;
  if (is.is === 'degraded' && is.reason !== reason) return 'vm.degraded';
  if (is.is === 'ready' && was.is !== 'ready') return 'vm.ready';
  return is.is !== was.is || after.power.is !== before.power.is ? 'vm.changed' : null;
}
