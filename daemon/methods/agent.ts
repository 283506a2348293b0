import { noAgent } from '../api/errors/agent.js';
import type { Agents } from '../agent/agents.js';
import { diagnoseGuest } from '../doctor/guest.js';
import type { Operations } from '../operations/operations.js';
import type { Updater } from '../vms/updater.js';
import type { Upgrader } from '../vms/upgrader.js';
import type { Vms } from '../vms/vms.js';
import { within } from '../../plugins/contract.js';
import type { Handlers } from './call.js';
import { allowedFile, type Roots } from './roots.js';

export interface AgentParts {
  readonly vms: Vms;
  readonly agents: Agents;
  readonly updater: Updater;
  readonly upgrader: Upgrader;
  readonly roots: Roots;
  readonly operations: Operations;
}

/** The agents in the guests. */
export function agentHandlers({
  vms,
  agents,
  updater,
  upgrader,
  operations,
  roots,
}: AgentParts): Pick<Handlers, 'agent.check' | 'agent.ping' | 'agent.update' | 'agent.upgrade'> {
  return {
    'agent.ping': async ({ vm: ref, timeout }, call) => {
      const vm = vms.ours(ref);
      const agent = agents.find(vm.id);
      if (!agent) throw noAgent({ vm: vm.name });
      const started = performance.now();
      const cx = operations.looking(call.signal);
      const { version } = await within(
        cx,
        { what: 'the agent’s answer', milliseconds: timeout },
        async (inner) => {
          await agent.ping(inner);
          return agent.hello(inner);
        },
      );
      const milliseconds = performance.now() - started;
      return { vm: vm.id, milliseconds, agent: { dialect: agent.dialect, version } };
    },
    'agent.check': async ({ vm: ref, timeout }, call) => {
      const vm = vms.ours(ref);
      const asked = {
        ...{ vm: vm.name, timeout, spec: vm.record.agent, paused: vm.observed.power.is === 'paused' },
        channel: agents.find(vm.id) ?? null,
      };
      return { vm: vm.id, diagnoses: [...(await diagnoseGuest(asked, operations.looking(call.signal)))] };
    },
    'agent.update': async ({ vm: ref, timeout, parts }, call) => ({
      update: await updater.update(vms.ours(ref), { timeout, parts, signal: call.signal }),
    }),
    'agent.upgrade': async ({ vm: ref, file, restart = null, ...order }, call) => {
      const vm = vms.ours(ref);
      const allowed = await allowedFile(file, { peer: call.peer, roots }, operations.looking(call.signal));
      return upgrader.upgrade(vm, { ...order, file: allowed, restart, signal: call.signal });
    },
  };
}
