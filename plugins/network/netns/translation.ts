import { parseAddress } from '../ipv4.js';
import { addressKey } from '../netlink/elements.js';
import type { Request } from '../netlink/message.js';
import * as nft from '../netlink/nft-rules.js';
import { nobody } from './names.js';
import type { InnerStep } from './steps.js';

// Priorities and hooks of nf_tables (linux/netfilter_ipv4.h).
const before = { type: 'nat', number: 0, priority: -100 } as const;
const after = { type: 'nat', number: 4, priority: 100 } as const;
const arrival = (device: string) => ({ type: 'filter', number: 0, priority: 0, device }) as const;

/** The tables of one NIC in its namespace: each NIC has its own, so that they come and go by themselves. */
export function tablesOf({ nic }: Pick<InnerStep, 'nic'>): readonly nft.TableName[] {
  return [
    { family: 'ip', table: `thaw_${nic}` },
    { family: 'netdev', table: `thaw_${nic}` },
  ];
}

/**
 * What stands between a guest and its network. Addresses are translated both ways. And frames are taken in that were
 * sent to other MACs: the guest remembers its neighbours from the time of the snapshot, and none of them is here; at the
 * uplink this holds for ARP only, which is then also answered at once (the kernel lets broadcasts wait for up to 0.8 s).
 * Pure.
 */
export function translation(step: InnerStep): readonly Request[] {
  const { tap, uplink, pairs } = step;
  const [ip, netdev] = tablesOf(step) as [nft.TableName, nft.TableName];
  const key = (address: string) => addressKey(parseAddress(address) ?? 0);
  return [
    ...[ip, netdev].flatMap((table) => [nft.addTable(table), nft.deleteTable(table), nft.addTable(table)]),
    nft.addChain(ip, 'prerouting', before),
    nft.addChain(ip, 'postrouting', after),
    nft.addChain(netdev, 'guest', arrival(tap)),
    nft.addChain(netdev, 'uplink', arrival(uplink)),
    // Nobody but the guest has its address: where it asks whether, it must not hear that somebody else does.
    ...pairs.map(({ inner }) =>
      nft.addRule(netdev, 'guest', [
        ...nft.isArp,
        ...nft.addressIs('arp target', key(inner)),
        ...nft.dropped,
      ]),
    ),
    nft.addRule(netdev, 'guest', nft.takeIn),
    nft.addRule(netdev, 'uplink', [...nft.isArp, ...nft.takeIn]),
    ...pairs.flatMap(({ inner, outer }) => [
      nft.addRule(ip, 'prerouting', [
        ...nft.comesIn(uplink),
        ...nft.addressIs('destination', key(outer)),
        ...nft.translate('destination', key(inner)),
      ]),
      // A peer in the network may have the address that the guest has inside: the guest answers nobody of its own name.
      nft.addRule(ip, 'postrouting', [
        ...nft.goesOut(tap),
        ...nft.addressIs('source', key(inner)),
        ...nft.translate('source', key(nobody)),
      ]),
      nft.addRule(ip, 'postrouting', [
        ...nft.goesOut(uplink),
        ...nft.addressIs('source', key(inner)),
        ...nft.translate('source', key(outer)),
      ]),
    ]),
  ];
}
