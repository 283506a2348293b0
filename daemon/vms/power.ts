import type { Operations } from '../operations/operations.js';
import type { Fleet } from '../vmm/fleet.js';
import type { EventHub } from '../events/hub.js';
import { asThawError, type Operation } from '../operations/operation.js';
import type { Agents } from '../agent/agents.js';
import type { Health } from './health.js';
import type { Vm } from './vm.js';

export interface PowerParts {
  readonly fleet: Fleet;
  readonly agents: Agents;
  readonly health: Health;
  readonly operations: Operations;
  readonly events: EventHub;
}

/** Milliseconds to see what became of a VM whose pause or resume failed. */
const lookDeadline = 5_000;

/** Pauses and resumes VMs because somebody asked. */
export class Power {
  readonly #parts: PowerParts;

  constructor(parts: PowerParts) {
    this.#parts = parts;
  }

  /** Pauses; returns warnings where that costs something on this Firecracker. */
  async pause(vm: Vm, signal: AbortSignal): Promise<readonly string[]> {
    const { fleet, agents, health } = this.#parts;
    await this.#during(vm, { method: 'vm.pause', signal }, async ({ cx }) => {
      // A connection that stays open would be the only one that works afterwards, and the next snapshot's bane.
      await agents.find(vm.id)?.disconnect(cx);
      await fleet.api(vm.id).pause(cx);
      vm.sawPower('paused');
    });
    const fault = vm.record.agent === null ? null : health.pauseFault(vm);
    return fault === null ? [] : [fault];
  }

  /** Resumes, and looks whether the agent still answers: a VM that was ready may end degraded. */
  async resume(vm: Vm, signal: AbortSignal): Promise<void> {
    const { fleet, health } = this.#parts;
    await this.#during(vm, { method: 'vm.resume', signal }, async (operation) => {
      await fleet.api(vm.id).resume(operation.cx);
      vm.sawPower('running');
      // Who gives up now leaves a guest that runs: whether its agent does too must be known all the same.
      await health.lookAtAgent(vm, operation.aside(AbortSignal.timeout(lookDeadline)));
    });
  }

  async #during(
    vm: Vm,
    { method, signal }: { method: string; signal: AbortSignal },
    fn: (operation: Operation) => Promise<void>,
  ): Promise<void> {
    const { operations, events, health } = this.#parts;
    const operation = operations.begin({ method, vm: vm.id, name: vm.name, signal });
    const tell = (): void => {
      const detail = { name: vm.name, state: vm.view().word };
      events.emit({ type: 'vm.changed', vm: vm.id, operation: operation.id, detail });
    };
    try {
      vm.claim(operation);
    } catch (thrown) {
      throw operation.refuse(thrown);
    }
    try {
      await operation.during(method, 'step', () => fn(operation));
      operation.end('committed');
      tell();
    } catch (thrown) {
      const error = asThawError(operation.cx.signal.aborted ? operation.cx.signal.reason : thrown);
      // It may have been done all the same: there is no way back, but it can be seen.
      const aside = operation.aside(AbortSignal.timeout(lookDeadline));
      await health.lookAtPower(vm, aside).catch(() => vm.sawPower('unknown'));
      if (method === 'vm.resume' && vm.observed.power.is === 'running')
        await health.lookAtAgent(vm, aside).catch(() => undefined);
      operation.end('failed', error);
      tell();
      throw error.within(operation.id);
    }
  }
}
