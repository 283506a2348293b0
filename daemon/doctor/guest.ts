import * as agentErrors from '../api/errors/agent.js';
import type { AgentSpec } from '../api/shapes/machine.js';
import type { Diagnosis } from '../api/system.js';
import { type ThawError } from '../api/thaw-error.js';
import type { AgentChannel } from '../agent/channel.js';
import { within, type Context } from '../../plugins/contract.js';
import { problem } from './diagnosis.js';
import { judgeGuest } from './guest-judge.js';

export interface GuestCheck {
  readonly vm: string;
  /** null where the VM has none, or one that nobody here speaks to. */
  readonly channel: AgentChannel | null;
  readonly spec: AgentSpec;
  readonly paused: boolean;
  /** For the agent to answer, in milliseconds. */
  readonly timeout: number;
}

/**
 * Looks what a running guest lacks of what thaw needs; for the method `agent.check`. That its agent does not answer, or
 * answers nonsense, is a finding like any other. @throws vmmDied
 */
export async function diagnoseGuest(check: GuestCheck, cx: Context): Promise<readonly Diagnosis[]> {
  const { vm, channel, spec, paused, timeout } = check;
  if (!channel || !spec) return [finding(agentErrors.noAgent({ vm }))];
  if (paused) return [problem('agent', `${vm} is paused: its guest answers nobody`, `thaw resume ${vm}`)];
  try {
    return await within(cx, { what: 'the agent’s answer', milliseconds: timeout }, async (inner) => {
      const { version } = await channel.hello(inner);
      return judgeGuest({ agent: spec, version, look: await channel.look(inner) });
    });
  } catch (error) {
    if (Object.values(agentErrors).some((entry) => entry.is(error))) return [finding(error as ThawError)];
    throw error;
  }
}

const finding = ({ message, detail }: ThawError): Diagnosis => problem('agent', message, detail.remedy);
