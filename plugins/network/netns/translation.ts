import { parseAddress } from '../ipv4.js';
import { addressBytes6, parseAddress6 } from '../ipv6.js';
import { addressKey, macKey } from '../netlink/elements.js';
import type { Request } from '../netlink/message.js';
import { answerNeighbour, neighbours, noDuplicate } from '../netlink/nft-neighbours.js';
import * as nft from '../netlink/nft-rules.js';
import { neighbourMac, neighbourMark, nobody, nobody6 } from './names.js';
import type { InnerStep, Pair } from './steps.js';

// Priorities and hooks of nf_tables (linux/netfilter_ipv4.h).
const before = { type: 'nat', number: 0, priority: -100 } as const;
const after = { type: 'nat', number: 4, priority: 100 } as const;
const arrival = (device: string) => ({ type: 'filter', number: 0, priority: 0, device }) as const;

const isSix = ({ inner }: Pair): boolean => inner.includes(':');

/** The tables of one NIC in its namespace: each NIC has its own, so that they come and go by themselves. */
export function tablesOf({ nic, pairs }: Pick<InnerStep, 'nic' | 'pairs'>): readonly nft.TableName[] {
  const families = ['ip', 'netdev', ...(pairs.some(isSix) ? (['ip6'] as const) : [])] as const;
  return families.map((family) => ({ family, table: `thaw_${nic}` }));
}

/** Translates the addresses of one family, both ways. */
function addresses(
  table: nft.TableName,
  { tap, uplink }: InnerStep,
  { pairs, key, other }: { pairs: readonly Pair[]; key: (text: string) => Buffer; other: string },
): readonly Request[] {
  return [
    nft.addChain(table, 'prerouting', before),
    nft.addChain(table, 'postrouting', after),
    ...pairs.flatMap(({ inner, outer }) => [
      nft.addRule(table, 'prerouting', [
        ...nft.comesIn(uplink),
        ...nft.addressIs('destination', key(outer)),
        ...nft.translate('destination', key(inner)),
      ]),
      // A peer in the network may have the address that the guest has inside: the guest answers nobody of its own name.
      nft.addRule(table, 'postrouting', [
        ...nft.goesOut(tap),
        ...nft.addressIs('source', key(inner)),
        ...nft.translate('source', key(other)),
      ]),
      nft.addRule(table, 'postrouting', [
        ...nft.goesOut(uplink),
        ...nft.addressIs('source', key(inner)),
        ...nft.translate('source', key(outer)),
      ]),
    ]),
  ];
}

/** What neighbours ask and answer in IPv6: the guest is answered at once, and the namespace listens to the network's. */
function discovery(netdev: nft.TableName): readonly Request[] {
  const mac = macKey(neighbourMac);
  return [
    nft.addRule(netdev, 'guest', noDuplicate),
    ...([24, 32] as const).map((length) => nft.addRule(netdev, 'guest', answerNeighbour(mac, length))),
    ...neighbours.map((is) => nft.addRule(netdev, 'uplink', [...is, ...nft.marked(neighbourMark)])),
  ];
}

/**
 * What stands between a guest and its network. Addresses are translated both ways. And frames are taken in that were
 * sent to other MACs: the guest remembers its neighbours from the time of the snapshot, and none of them is here; at the
 * uplink this holds for ARP only, which is then also answered at once (the kernel lets broadcasts wait for up to 0.8 s).
 * Pure.
 */
export function translation(step: InnerStep): readonly Request[] {
  const { tap, uplink } = step;
  const [ip, netdev, ip6] = tablesOf(step) as [nft.TableName, nft.TableName, nft.TableName?];
  const fours = step.pairs.filter((pair) => !isSix(pair));
  const key = (address: string) => addressKey(parseAddress(address) ?? 0);
  const key6 = (address: string) => addressBytes6(parseAddress6(address) ?? 0n);
  return [
    ...[ip, netdev, ...(ip6 ? [ip6] : [])].flatMap((table) => [
      nft.addTable(table),
      nft.deleteTable(table),
      nft.addTable(table),
    ]),
    nft.addChain(netdev, 'guest', arrival(tap)),
    nft.addChain(netdev, 'uplink', arrival(uplink)),
    // Nobody but the guest has its address: where it asks whether, it must not hear that somebody else does.
    ...fours.map(({ inner }) =>
      nft.addRule(netdev, 'guest', [
        ...nft.isArp,
        ...nft.addressIs('arp target', key(inner)),
        ...nft.dropped,
      ]),
    ),
    ...(ip6 ? discovery(netdev) : []),
    nft.addRule(netdev, 'guest', nft.takeIn),
    nft.addRule(netdev, 'uplink', [...nft.isArp, ...nft.takeIn]),
    ...addresses(ip, step, { pairs: fours, key, other: nobody }),
    ...(ip6 ? addresses(ip6, step, { pairs: step.pairs.filter(isSix), key: key6, other: nobody6 }) : []),
  ];
}
