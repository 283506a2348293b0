import { z } from 'zod';
import { PartOutcome, type UpdateAnswer, type UpdatePart } from '../../../daemon/api/shapes/update.js';
import type { GuestNic, UpdateWish } from '../../contract.js';

/** The body of `PUT /config`: who the guest is, under names with underscores. */
export function configBody({ identity, rescan, parts }: UpdateWish, now: number): object {
  const { vm, hostname, machineId, nics, dns, entropy, document } = identity;
  const { snapshot, generation, labels, userData } = document;
  return {
    ...{ vm_id: vm, hostname, machine_id: machineId },
    ...{ snapshot, generation, labels, user_data: userData },
    /** What to do; the rest is to be left alone. */
    ...{ parts, rescan, interfaces: nics.map(interfaceOf), dns },
    ...(parts.includes('clock') && { time: now / 1000 }),
    ...(parts.includes('randomness') && { entropy }),
  };
}

const interfaceOf = ({ mac, formerMac, addresses, gateway, gateway6, mtu }: GuestNic): object => ({
  ...{ mac, former_mac: formerMac ?? null, addresses, gateway, gateway6: gateway6 ?? null, mtu },
});

/** What an agent may say of it; an empty answer is one, too. */
const Said = z.object({
  parts: z.record(z.string(), PartOutcome).default({}),
  interfaces: z.record(z.string(), z.string()).default({}),
  hostname: z.string().nullable().default(null),
  machine_id: z.string().nullable().default(null),
});

/** Parts that a plain agreement does not vouch for: agents that know nothing of them agree as well. */
const toBeNamed: ReadonlySet<UpdatePart> = new Set(['randomness', 'ssh-host-keys', 'scripts']);

/** An agent's agreement, read: parts that it does not name are done, but for those that few agents do. Null: no such answer. */
export function readAnswer(body: string, parts: readonly UpdatePart[]): UpdateAnswer | null {
  const said = Said.safeParse(body.trim() === '' ? {} : parse(body));
  if (!said.success) return null;
  const { interfaces, hostname, machine_id: machineId } = said.data;
  const outcomes = parts.map((part): [string, PartOutcome] => {
    const named = said.data.parts[part];
    if (named) return [part, named];
    if (!toBeNamed.has(part)) return [part, { is: 'done' }];
    return [part, { is: 'unsupported', reason: `the agent’s answer to PUT /config has no parts["${part}"]` }];
  });
  return { parts: Object.fromEntries(outcomes), interfaces, hostname, machineId };
}

export function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
