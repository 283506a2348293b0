import { attribute, attributes, flag, readU32, replace, text, u16, u32 } from './message.js';
import type { Message, Request } from './message.js';
import { addressBytes6 } from '../ipv6.js';
import { AF_INET, AF_INET6 } from './rtnetlink.js';

// Routes, rules that choose among tables of them, and neighbours (linux/rtnetlink.h, fib_rules.h, neighbour.h).

const RTM = { newRoute: 24, getRoute: 26, newNeighbour: 28, newRule: 32, deleteRule: 33 };
const RTA = { destination: 1, outLink: 4, gateway: 5, preferredSource: 7, table: 15 };
const FRA = { inLink: 3, priority: 6, mark: 10, table: 15, mask: 16 };
const NDA = { destination: 1, linkAddress: 2 };
const RTPROT_STATIC = 4;
const RTN_UNICAST = 1;
const scope = { universe: 0, link: 253 };
const RTNH_F_ONLINK = 4;
const FR_ACT_TO_TABLE = 1;
const NUD_PERMANENT = 0x80;
const NTF_PROXY = 8;
const LOCAL = 255;
const MAIN = 254;

const add = flag.ack | flag.create | replace;

/** IPv4's as a number, IPv6's as a bigint. */
export type Address = number | bigint;

const familyOf = (address: Address): number => (typeof address === 'bigint' ? AF_INET6 : AF_INET);

function addressBytes(address: Address): Buffer {
  if (typeof address === 'bigint') return addressBytes6(address);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(address);
  return bytes;
}

export interface Way {
  readonly table: number;
  /** Where to; the default route has prefix 0. */
  readonly base: Address;
  readonly prefix: number;
  /** The link's index. */
  readonly link: number;
  /** Null for what is on the link itself. */
  readonly gateway: Address | null;
  /** What the host itself sends from there; null leaves it to the kernel. */
  readonly source: Address | null;
}

/** Adds a route to a table, or replaces the one that is there. */
export function addRoute({ table, base, prefix, link, gateway, source }: Way): Request {
  const reach = gateway === null ? scope.link : scope.universe;
  return {
    type: RTM.newRoute,
    flags: add,
    body: Buffer.concat([
      Buffer.from([familyOf(base), prefix, 0, 0, 0, RTPROT_STATIC, reach, RTN_UNICAST]),
      u32(gateway === null ? 0 : RTNH_F_ONLINK),
      attribute(RTA.table, u32(table)),
      ...(prefix === 0 ? [] : [attribute(RTA.destination, addressBytes(base))]),
      attribute(RTA.outLink, u32(link)),
      ...(gateway === null ? [] : [attribute(RTA.gateway, addressBytes(gateway))]),
      ...(source === null ? [] : [attribute(RTA.preferredSource, addressBytes(source))]),
    ]),
  };
}

/** Asks for all IPv4 routes. */
export function getRoutes(): Request {
  return { type: RTM.getRoute, flags: flag.dump, body: Buffer.from([AF_INET, ...Array<number>(11).fill(0)]) };
}

/** Where a default route of the main table leads; none where a message of {@link getRoutes} is of another route. */
export function readDefaultRoute({ body }: Message): readonly { link: number; gateway: number }[] {
  const all = attributes(body.subarray(12));
  const [link, gateway] = [all.get(RTA.outLink), all.get(RTA.gateway)];
  if (body[1] !== 0 || body[4] !== MAIN || link?.length !== 4 || gateway?.length !== 4) return [];
  return [{ link: readU32(link), gateway: gateway.readUInt32BE() }];
}

interface Rule {
  /** Only for what comes in by this link; left out for all. */
  readonly inLink?: string;
  /** Only for what bears this mark. */
  readonly mark?: number;
  /** True for IPv6. */
  readonly six?: true;
  readonly table: number;
  /** Lower numbers come first. */
  readonly priority: number;
}

function rule({ inLink, mark, six, table, priority }: Rule): Buffer {
  return Buffer.concat([
    Buffer.from([six ? AF_INET6 : AF_INET, 0, 0, 0, 0, 0, 0, FR_ACT_TO_TABLE]),
    u32(0),
    ...(inLink === undefined ? [] : [text(FRA.inLink, inLink)]),
    ...(mark === undefined ? [] : [attribute(FRA.mark, u32(mark)), attribute(FRA.mask, u32(0xffffffff))]),
    attribute(FRA.table, u32(table)),
    attribute(FRA.priority, u32(priority)),
  ]);
}

/** Which table says how something is routed. */
export function addRule(wanted: Rule): Request {
  return { type: RTM.newRule, flags: flag.ack | flag.create | flag.excl, body: rule(wanted) };
}

/** Has local addresses asked for at this priority, not before everything else. Once in a namespace. */
export function deferLocal(priority: number, family: { readonly six?: true } = {}): readonly Request[] {
  return [
    addRule({ ...family, table: LOCAL, priority }),
    { type: RTM.deleteRule, flags: flag.ack, body: rule({ ...family, table: LOCAL, priority: 0 }) },
  ];
}

/** Has what bears a mark looked for among local addresses before everything else. IPv6; once in a namespace. */
export function markedIsLocal(mark: number): Request {
  return addRule({ six: true, mark, table: LOCAL, priority: 1 });
}

interface Neighbour {
  readonly link: number;
  readonly address: Address;
}

function neighbour({ link, address }: Neighbour, state: number, how: number): Buffer {
  return Buffer.concat([
    Buffer.from([familyOf(address), 0, 0, 0]),
    u32(link),
    u16(state),
    Buffer.from([how, 0]),
    attribute(NDA.destination, addressBytes(address)),
  ]);
}

/** A neighbour that is known for good, so that nobody is asked for it. */
export function addNeighbour({ mac, ...where }: Neighbour & { readonly mac: string }): Request {
  const own = attribute(NDA.linkAddress, Buffer.from(mac.replaceAll(':', ''), 'hex'));
  return {
    type: RTM.newNeighbour,
    flags: add,
    body: Buffer.concat([neighbour(where, NUD_PERMANENT, 0), own]),
  };
}

/** ARP for this address is answered on the link, where the address lies behind another one. */
export function addProxy(where: Neighbour): Request {
  return { type: RTM.newNeighbour, flags: add, body: neighbour(where, 0, NTF_PROXY) };
}
