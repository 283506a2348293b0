import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { guestUnreachable, updateFailed } from '../api/errors/agent.js';
import { UpdatePart } from '../api/shapes/update.js';
import { nothing, stepKind, within, type Fabric, type Step } from '../../plugins/contract.js';
import type { Agents } from '../agent/agents.js';

const hello = z.object({ kind: z.literal('hello'), vm: z.string(), timeout: z.int() });
export type HelloStep = z.infer<typeof hello> & Step;

/** Waits until the guest's agent answers: the guest has booted. */
export const helloKind = (agents: Agents) =>
  stepKind<HelloStep>({
    kind: 'hello',
    schema: hello,
    run: (step, cx) =>
      within(cx, { what: 'the guest’s boot', milliseconds: step.timeout }, async (inner) => {
        const { version } = await agents.of(step.vm).hello(inner);
        return { version };
      }),
    ...nothing,
  });

const nic = z.object({
  mac: z.string(),
  formerMac: z.string().optional(),
  rank: z.int().optional(),
  addresses: z.array(z.string()).readonly(),
  gateway: z.string().nullable(),
  gateway6: z.string().optional(),
  mtu: z.int(),
});

const update = z.object({
  kind: z.literal('update'),
  vm: z.string(),
  timeout: z.int(),
  rescan: z.boolean(),
  parts: z.array(UpdatePart),
  hostname: z.string(),
  machineId: z.string(),
  nics: z.array(nic),
  dns: z.array(z.string()),
  document: z.record(z.string(), z.json()),
  /** Parts that must be done or unchanged for the guest to count as ready. */
  needs: z.array(UpdatePart),
});
export type UpdateStep = z.infer<typeof update> & Step;

/** Bytes of the host's randomness that a guest gets: as many as the kernel's pool takes in at once. */
const entropyBytes = 64;

/** Tells the guest who it is now. Fails where a part that `ready` needs has failed; the answer goes into the timeline. */
export const updateKind = (agents: Agents) =>
  stepKind<UpdateStep>({
    kind: 'update',
    schema: update,
    run: (step, cx) =>
      within(cx, { what: 'the guest’s update', milliseconds: step.timeout }, async (inner) => {
        const { vm, hostname, machineId, nics, dns, document, rescan, parts } = step;
        // Drawn here and not in the plan: what seeds a guest's randomness has no place in a record.
        const entropy = randomBytes(entropyBytes).toString('hex');
        const identity = { vm, hostname, machineId, nics, dns, entropy, document };
        const answer = await agents.of(vm).update({ identity, rescan, parts }, inner);
        for (const part of step.needs) {
          const outcome = answer.parts[part];
          if (outcome?.is === 'done' || outcome?.is === 'unchanged') continue;
          throw updateFailed({
            vm,
            part,
            why: outcome?.reason ?? outcome?.is ?? 'the guest did not mention it',
          });
        }
        return answer;
      }),
    ...nothing,
  });

const confirm = z.object({
  kind: z.literal('confirm'),
  vm: z.string(),
  /** Addresses that must also answer a ping from the host. */
  ping: z.array(z.string()),
  timeout: z.int(),
});
export type ConfirmStep = z.infer<typeof confirm> & Step;

/** The last word before a restore commits: the guest has answered, and where asked for, its addresses do too. */
export const confirmKind = (fabric: Fabric) =>
  stepKind<ConfirmStep>({
    kind: 'confirm',
    schema: confirm,
    async run(step, cx) {
      const milliseconds: Record<string, number> = {};
      for (const address of step.ping) {
        const took = await fabric.ping(address, step.timeout, cx);
        if (took === null) throw guestUnreachable({ vm: step.vm, address });
        milliseconds[address] = took;
      }
      return milliseconds;
    },
    ...nothing,
  });
