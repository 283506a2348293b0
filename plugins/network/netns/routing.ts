import { parseAddress, sizeOf } from '../ipv4.js';
import { linkLocalOf, parseAddress6 } from '../ipv6.js';
import { addAddress } from '../netlink/address.js';
import { addAddress6 } from '../netlink/address6.js';
import { addNeighbour, addProxy, addRoute, addRule } from '../netlink/route-requests.js';
import { answerArp } from '../netlink/link-requests.js';
import type { Request } from '../netlink/message.js';
import { nobody, nobody6 } from './names.js';
import type { InnerStep } from './steps.js';

/** Routing tables of the nth NIC: of what its guest sends, and of what comes for it. */
const tables = (index: number) => ({ fromGuest: 1000 + 2 * index, fromNetwork: 1001 + 2 * index });

/** Before the tables of local addresses and of the rest, where `makeRouter` puts them. */
const firstPriority = 100;
const main = 254;

/**
 * How packets go between tap and uplink. The guest's subnet is often that of the network itself, with the same gateway,
 * and the guest's old address may be anybody's by now: so what comes from the guest goes out and what comes from the
 * network goes in, whatever the addresses, before the namespace's own are asked. The guest gets answers to its ARP for
 * whatever lies beyond the uplink. Pure.
 */
export function routing(step: InnerStep, links: { tap: number; uplink: number }): readonly Request[] {
  const { tap, uplink, mac, subnet, gateway, index } = step;
  const pairs = step.pairs.filter(({ inner }) => !inner.includes(':'));
  const { fromGuest, fromNetwork } = tables(index);
  const [own = '', length = '32'] = subnet.split('/');
  const prefix = Number(length);
  const address = parseAddress(own) ?? 0;
  const base = address - (address % sizeOf(prefix));
  const out = { table: fromGuest, link: links.uplink, source: null };
  const inner = pairs.map((pair) => parseAddress(pair.inner) ?? 0);
  const outer = pairs.map((pair) => parseAddress(pair.outer) ?? 0);
  const source = parseAddress(nobody) ?? 0;
  const inward = inner.map((host) => ({
    ...{ base: host, prefix: 32, link: links.tap, gateway: null, source },
  }));
  return [
    answerArp(tap),
    addAddress({ index: links.tap, address: source, prefix: 32, scope: 'link' }),
    ...outer.map((one) => addAddress({ index: links.uplink, address: one, prefix: 32 })),
    // Where an outer address is the inner one, ARP for it is not a question for the namespace itself.
    ...outer.map((one) => addProxy({ link: links.uplink, address: one })),
    ...inner.map((one) => addNeighbour({ link: links.tap, address: one, mac })),
    // What comes for the guest, and what the kernel itself has to tell it. What the guest sends to its own address goes
    // out: somebody in the network may have it.
    ...[fromNetwork, main].flatMap((table) => inward.map((way) => addRoute({ ...way, table }))),
    addRoute({ ...out, base, prefix, gateway: null }),
    ...(gateway === null
      ? []
      : [addRoute({ ...out, base: 0, prefix: 0, gateway: parseAddress(gateway) ?? 0 })]),
    addRule({ inLink: tap, table: fromGuest, priority: firstPriority + 2 * index }),
    addRule({ inLink: uplink, table: fromNetwork, priority: firstPriority + 2 * index + 1 }),
  ];
}

/**
 * The same for IPv6, where a step has a subnet of it. Neighbours at the uplink talk to the namespace itself, also where
 * the guest's address is the outer one; those of the guest are answered by rules of the namespace. Pure.
 */
export function routing6(
  step: InnerStep,
  links: { tap: number; uplink: number; uplinkMac: string },
): readonly Request[] {
  const { subnet6, gateway6, mac, index } = step;
  const pairs = step.pairs.filter(({ inner }) => inner.includes(':'));
  if (subnet6 === undefined || pairs.length === 0) return [];
  const { fromGuest, fromNetwork } = tables(index);
  const parsed = (text: string): bigint => parseAddress6(text) ?? 0n;
  const [own = '', length = '128'] = subnet6.split('/');
  const prefix = Number(length);
  const base = (parsed(own) >> BigInt(128 - prefix)) << BigInt(128 - prefix);
  const out = { table: fromGuest, link: links.uplink, source: null };
  const inner = pairs.map((pair) => parsed(pair.inner));
  const single = { prefix: 128, gateway: null, source: null };
  return [
    addAddress6({ index: links.tap, address: parsed(nobody6), prefix: 128 }),
    ...pairs.map(({ outer }) => addAddress6({ index: links.uplink, address: parsed(outer), prefix: 128 })),
    // Neighbours are looked for from it.
    addAddress6({ index: links.uplink, address: linkLocalOf(links.uplinkMac), prefix: 64 }),
    ...inner.map((address) => addNeighbour({ link: links.tap, address, mac })),
    ...[fromNetwork, main].flatMap((table) =>
      inner.map((address) => addRoute({ ...single, base: address, link: links.tap, table })),
    ),
    addRoute({ ...out, base, prefix, gateway: null }),
    ...(gateway6 === undefined ? [] : [addRoute({ ...out, base: 0n, prefix: 0, gateway: parsed(gateway6) })]),
    addRule({ six: true, inLink: step.tap, table: fromGuest, priority: firstPriority + 2 * index }),
    addRule({ six: true, inLink: step.uplink, table: fromNetwork, priority: firstPriority + 2 * index + 1 }),
  ];
}
