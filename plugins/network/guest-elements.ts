import { parseAddress } from './ipv4.js';
import { addressBytes6, linkLocalOf, parseAddress6 } from './ipv6.js';
import { aliasOf } from './names.js';
import { addressKey, linkKey, macKey, type SetChange } from './netlink/elements.js';
import type { FilterStep } from './steps.js';

const family = 'bridge';

/** The sets of `bridge thaw`, whose elements are what guests may send. */
export const guestSets = [
  { family, set: 'open' },
  { family, set: 'macs' },
  { family, set: 'addresses' },
  { family, set: 'addresses6' },
  { family, set: 'targets6' },
  { family, set: 'cords' },
  { family, set: 'cord_peers' },
  { family: 'inet', set: 'cord_pairs' },
] as const;

/** A NIC's IPv6 addresses, the link-local one that follows from its MAC included: neighbours are looked for from it. */
function sixesOf({ mac, addresses }: FilterStep): readonly Buffer[] {
  const own = addresses.flatMap((cidr) => parseAddress6(cidr.split('/')[0] ?? '') ?? []);
  return own.length === 0 ? [] : [linkLocalOf(mac), ...own].map(addressBytes6);
}

/** A cable's two ends, both ways: where br_netfilter has bridged packets pass the host's own filter, too. */
function pairsOf({ addresses, peer }: FilterStep): readonly Buffer[] {
  if (!peer) return [];
  const all = [...addresses, peer.address].flatMap((cidr) => parseAddress(cidr.split('/')[0] ?? '') ?? []);
  const [own, other] = all.map(addressKey);
  return own && other ? [Buffer.concat([own, other]), Buffer.concat([other, own])] : [];
}

/** What NICs are in those sets: their ports, their MACs there, their addresses with those MACs. Pure. */
export function guestElements(steps: readonly FilterStep[]): readonly SetChange[] {
  const all = steps.map((step) => {
    const port = linkKey(step.tap);
    const mac = Buffer.concat([port, macKey(step.mac)]);
    const comment = aliasOf(step.vm);
    return {
      open: { key: port, comment },
      cord: step.peer ? [{ key: port, comment }] : [],
      peer: step.peer ? [{ key: Buffer.concat([port, macKey(step.peer.mac)]), comment }] : [],
      pairs: pairsOf(step).map((key) => ({ key, comment })),
      macs: { key: mac, comment },
      addresses: step.addresses.flatMap((cidr) => {
        const address = parseAddress(cidr.split('/')[0] ?? '');
        return address === null ? [] : [{ key: Buffer.concat([mac, addressKey(address)]), comment }];
      }),
      sixes: sixesOf(step).map((address) => ({ key: Buffer.concat([mac, address]), comment })),
    };
  });
  const sixes = all.flatMap((one) => one.sixes);
  return [
    { family, set: 'macs', elements: all.map(({ macs }) => macs) },
    { family, set: 'addresses', elements: all.flatMap(({ addresses }) => addresses) },
    { family, set: 'addresses6', elements: sixes },
    { family, set: 'targets6', elements: sixes },
    { family: 'inet', set: 'cord_pairs', elements: all.flatMap(({ pairs }) => pairs) },
    { family, set: 'cord_peers', elements: all.flatMap(({ peer }) => peer) },
    { family, set: 'cords', elements: all.flatMap(({ cord }) => cord) },
    { family, set: 'open', elements: all.map(({ open }) => open) },
  ];
}
