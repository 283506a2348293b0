import { parseAddress } from './ipv4.js';
import { aliasOf } from './names.js';
import { addressKey, linkKey, macKey, type SetChange } from './netlink/elements.js';
import type { FilterStep } from './steps.js';

/** The sets of `bridge thaw`, whose elements are what guests may send. */
export const guestSets = ['open', 'macs', 'addresses'] as const;

/** What NICs are in those sets: their ports, their MACs there, their addresses with those MACs. Pure. */
export function guestElements(steps: readonly FilterStep[]): readonly SetChange[] {
  const all = steps.map((step) => {
    const port = linkKey(step.tap);
    const mac = Buffer.concat([port, macKey(step.mac)]);
    const comment = aliasOf(step.vm);
    return {
      open: { key: port, comment },
      macs: { key: mac, comment },
      addresses: step.addresses.map((cidr) => {
        const address = parseAddress(cidr.split('/')[0] ?? '') ?? 0;
        return { key: Buffer.concat([mac, addressKey(address)]), comment };
      }),
    };
  });
  return [
    { set: 'macs', elements: all.map(({ macs }) => macs) },
    { set: 'addresses', elements: all.flatMap(({ addresses }) => addresses) },
    { set: 'open', elements: all.map(({ open }) => open) },
  ];
}
