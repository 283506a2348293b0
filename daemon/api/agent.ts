import { z } from 'zod';
import { defineMethod } from './define.js';
import * as agent from './errors/agent.js';
import * as vm from './errors/vm.js';
import { VmRef } from './shapes/ids.js';
import { PartSwitches, UpdateAnswer } from './shapes/update.js';

export const ping = defineMethod({
  name: 'agent.ping',
  summary: 'Ask the agent in the guest for a sign of life.',
  access: 'read',
  params: z.strictObject({ vm: VmRef, timeout: z.int().min(1).max(600_000).default(5_000) }),
  result: z.object({
    vm: z.string(),
    milliseconds: z.number(),
    agent: z.object({ dialect: z.string(), version: z.string().nullable() }),
  }),
  errors: [vm.vmUnknown, agent.agentSilent, agent.noAgent],
});

export const update = defineMethod({
  name: 'agent.update',
  summary: 'Tell the guest again who it is; idempotent, each part’s outcome is in the answer.',
  access: 'change',
  params: z.strictObject({
    vm: VmRef,
    timeout: z.int().min(1).max(600_000).default(30_000),
    /** For this time only, over those that the VM was restored with. */
    parts: PartSwitches.optional(),
  }),
  result: z.object({ update: UpdateAnswer }),
  errors: [
    vm.vmUnknown,
    vm.vmBusy,
    vm.vmForeign,
    agent.noAgent,
    agent.agentSilent,
    agent.agentCommandOff,
    agent.updateFailed,
  ],
});
