import type { Agents } from '../agent/agents.js';
import { capabilitiesOf } from '../vmm/capabilities.js';
import type { Fleet } from '../vmm/fleet.js';
import { within, type Context } from '../../plugins/contract.js';
import type { PowerState } from '../api/shapes/vm.js';
import type { Herald } from './herald.js';
import type { Vm } from './vm.js';

/** Milliseconds for an agent to answer after a resume, before it is called unreachable. */
const agentPatience = 3_000;

/** What is said of a VM whose agent no longer answers. */
export const unreachable = {
  reason: 'agent-unreachable',
  remedy:
    'Restore a fresh clone of its snapshot, or use Firecracker 1.17 or newer, where a pause does not cost the agent',
} as const;

/** Why a VM is not as it should be. */
export interface Fault {
  readonly reason: string;
  readonly remedy: string;
}

/** Milliseconds for the API to answer before it is called silent. */
const apiPatience = 2_000;

/** What is said of a VM whose VMM lives and does not answer. */
const apiSilent: Fault = {
  reason: 'api-silent',
  remedy: 'Look at the VMM’s process and its vmm.log: it may be stopped, or starved of processor time',
};

/** What is said of a VM whose VMM nobody can find any more but who has its connection open. */
export const socketGone: Fault = {
  reason: 'socket-gone',
  remedy:
    'Somebody removed or replaced its API socket or its folder: its VMM runs on, and the next thawd will not find it. Restore a fresh clone in its place',
};

/** Looks at a VM after something was done to it, and notes what it sees. */
export class Health {
  readonly #fleet: Fleet;
  readonly #agents: Agents;
  readonly #herald: Herald;

  constructor(parts: { fleet: Fleet; agents: Agents; herald: Herald }) {
    this.#fleet = parts.fleet;
    this.#agents = parts.agents;
    this.#herald = parts.herald;
  }

  /** Asks the VMM whether the guest runs. */
  async lookAtPower(vm: Vm, cx: Context): Promise<void> {
    const api = this.#fleet.find(vm.id)?.api;
    if (!api) {
      vm.sawPower('unknown');
      return;
    }
    const { state } = await api.describe(cx);
    vm.sawPower(powerOf(state));
  }

  /** Asks the VMM whether the guest runs; notes nothing. */
  async apiOf(vm: Vm, cx: Context): Promise<{ power: PowerState['is']; fault: Fault | null }> {
    const api = this.#fleet.find(vm.id)?.api;
    if (!api) return { power: 'unknown', fault: null };
    const lost = (await this.#fleet.seated(vm.id, cx)) ? null : socketGone;
    try {
      const limit = { what: 'the API’s answer', milliseconds: apiPatience };
      const { state } = await within(cx, limit, (inner) => api.describe(inner));
      return { power: powerOf(state), fault: lost };
    } catch {
      cx.signal.throwIfAborted();
      return { power: 'unknown', fault: lost ?? apiSilent };
    }
  }

  /** Asks the agent of a VM that had confirmed for a sign of life, and hangs up again; notes nothing. */
  async agentOf(vm: Vm, cx: Context): Promise<Fault | null> {
    const agent = this.#agents.find(vm.id);
    if (!agent || vm.record.confirmed === null) return null;
    const limit = { what: 'the agent’s answer', milliseconds: agentPatience };
    try {
      await within(cx, limit, (inner) => agent.ping(inner));
      return null;
    } catch {
      cx.signal.throwIfAborted();
      return unreachable;
    } finally {
      // Whoever snapshots this VM, thaw or anybody with its API socket, must find no connection open (fact 4).
      if (!cx.signal.aborted) await agent.disconnect(cx);
    }
  }

  /** Asks the agent of a running VM for a sign of life; a VM that had confirmed and is silent now is degraded. */
  async lookAtAgent(vm: Vm, cx: Context): Promise<void> {
    const agent = this.#agents.find(vm.id);
    if (!agent || vm.record.confirmed === null) return;
    try {
      // A new connection: the one kept open may still work where no new one would.
      await agent.disconnect(cx);
      await within(cx, { what: 'the agent’s answer', milliseconds: agentPatience }, (inner) =>
        agent.ping(inner),
      );
      this.note(vm, null);
    } catch {
      cx.signal.throwIfAborted();
      this.note(vm, unreachable);
    }
  }

  /** What became of a VM whose pause was undone: it must not be paused, or silent, unseen. Notes it; throws nothing. */
  async lookAt(vm: Vm, cx: Context): Promise<void> {
    try {
      await this.lookAtPower(vm, cx);
      if (vm.observed.power.is === 'running') await this.lookAtAgent(vm, cx);
    } catch {
      vm.sawPower('unknown');
    }
  }

  /** Notes why a VM that was ready is so no more, or with null that it is again. */
  note(vm: Vm, fault: { reason: string; remedy: string } | null): void {
    vm.sawFault(fault);
    if (fault === null) return;
    const detail = { name: vm.name, ...fault };
    // Plugins hear of it in their own time: nothing is waiting for them.
    void this.#herald.tell('vm.degraded', vm, { operation: vm.operation, detail });
  }

  /** Why pausing this VM costs its agent; null where it does not (fact 19). */
  pauseFault(vm: Vm): string | null {
    const quirk = capabilitiesOf(vm.record.vmmVersion).quirk('pause-silences-vsock');
    return quirk ? `Firecracker ${vm.record.vmmVersion}: ${quirk.does}. ${quirk.remedy}` : null;
  }
}

/** What Firecracker's word for its state says of the guest. */
export function powerOf(state: string): PowerState['is'] {
  return state === 'Running' ? 'running' : state === 'Paused' ? 'paused' : 'unknown';
}
