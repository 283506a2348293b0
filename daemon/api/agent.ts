import { z } from 'zod';
import { defineMethod } from './define.js';
import * as agent from './errors/agent.js';
import * as host from './errors/host.js';
import * as vm from './errors/vm.js';
import { AbsolutePath, VmRef } from './shapes/ids.js';
import { PartSwitches, UpdateAnswer } from './shapes/update.js';
import { Diagnosis } from './system.js';

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

export const check = defineMethod({
  name: 'agent.check',
  summary:
    'Look what a running guest lacks of what thaw needs: agent, kernel, programs, files; with remedies. Changes nothing.',
  access: 'read',
  params: z.strictObject({ vm: VmRef, timeout: z.int().min(1).max(600_000).default(15_000) }),
  result: z.object({ vm: z.string(), diagnoses: z.array(Diagnosis) }),
  errors: [vm.vmUnknown, vm.vmForeign],
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

export const upgrade = defineMethod({
  name: 'agent.upgrade',
  summary:
    'Put a new agent, or another file, into the guest; a new agent must answer, or the old one comes back.',
  access: 'change',
  params: z.strictObject({
    vm: VmRef,
    /** On the host. */
    file: AbsolutePath,
    /** In the guest: takes the place of what is there, by a rename. */
    path: z
      .string()
      .regex(/^(?:\/[^/\0\n]+)+$/, 'an absolute path without a line break')
      .max(1024),
    /** Octal. */
    mode: z
      .string()
      .regex(/^0?[0-7]{3}$/)
      .default('755'),
    /** A command of the guest's shell that starts the agent anew. Left out for files that are no agent. */
    restart: z.string().min(1).max(4096).optional(),
    /** Seconds for the new agent to answer. */
    seconds: z.int().min(1).max(600).default(20),
  }),
  result: z.object({
    vm: z.string(),
    path: z.string(),
    sha256: z.string(),
    bytes: z.int(),
    agent: z.object({ dialect: z.string(), version: z.string().nullable() }),
  }),
  errors: [
    vm.vmUnknown,
    vm.vmBusy,
    vm.vmForeign,
    host.pathNotAllowed,
    host.fileMissing,
    agent.noAgent,
    agent.agentSilent,
    agent.agentLacks,
    agent.agentCommandOff,
    agent.agentRefused,
    agent.upgradeFailed,
  ],
});
