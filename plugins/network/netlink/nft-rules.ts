import { attribute, flag, nest, text, u32, type Request } from './message.js';

// Tables, chains and rules of nftables as netlink messages (linux/netfilter/nf_tables.h): pure coding, for what is
// made with each clone, where a process for `nft` would take longer than all the rest. Numbers are big-endian.

const subsystem = 10;
const MSG = { newTable: 0, getTable: 1, deleteTable: 2, newChain: 3, newRule: 6 };
const TABLE = { name: 1 };
const CHAIN = { table: 1, name: 3, hook: 4, type: 7 };
const HOOK = { number: 1, priority: 2, device: 3 };
const RULE = { table: 1, chain: 2, expressions: 4 };
const EXPRESSION = { name: 1, data: 2 };
const LIST_ELEMENT = 1;
const VALUE = 1;
const register = 1;

export const family = { ip: 2, netdev: 5, ip6: 10 } as const;
export type Family = keyof typeof family;

export interface TableName {
  readonly family: Family;
  readonly table: string;
}

const typed = (kind: number) => (subsystem << 8) | kind;
const header = (of: Family) => Buffer.from([family[of], 0, 0, 0]);

export function be32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function request(kind: number, flags: number, body: readonly Buffer[]): Request {
  return { type: typed(kind), flags: flag.ack | flags, body: Buffer.concat(body) };
}

export function addTable({ family: of, table }: TableName): Request {
  return request(MSG.newTable, flag.create, [header(of), text(TABLE.name, table)]);
}

/** The kernel refuses the whole transaction where there is none. */
export function deleteTable({ family: of, table }: TableName): Request {
  return request(MSG.deleteTable, 0, [header(of), text(TABLE.name, table)]);
}

export function getTable({ family: of, table }: TableName): Request {
  return request(MSG.getTable, 0, [header(of), text(TABLE.name, table)]);
}

/** Where a chain is called: its hook's number in its family. */
export interface Hook {
  readonly type: 'filter' | 'nat';
  readonly number: number;
  readonly priority: number;
  /** For the family netdev: the link. */
  readonly device?: string;
}

export function addChain({ family: of, table }: TableName, name: string, hook: Hook): Request {
  return request(MSG.newChain, flag.create, [
    header(of),
    text(CHAIN.table, table),
    text(CHAIN.name, name),
    nest(
      CHAIN.hook,
      attribute(HOOK.number, be32(hook.number)),
      attribute(HOOK.priority, be32(hook.priority)),
      ...(hook.device === undefined ? [] : [text(HOOK.device, hook.device)]),
    ),
    text(CHAIN.type, hook.type),
  ]);
}

/** One expression of a rule. */
export type Expression = Buffer;

export function addRule(
  { family: of, table }: TableName,
  chain: string,
  expressions: readonly Expression[],
): Request {
  const list = expressions.map((one) => nest(LIST_ELEMENT, one));
  // Appended: the order of the rules is the order of the messages.
  return request(MSG.newRule, flag.create | 0x800, [
    header(of),
    text(RULE.table, table),
    text(RULE.chain, chain),
    nest(RULE.expressions, ...list),
  ]);
}

/** An expression by its name and attributes. */
export function expression(name: string, data: readonly Buffer[]): Expression {
  return Buffer.concat([text(EXPRESSION.name, name), nest(EXPRESSION.data, ...data)]);
}

const META = { protocol: 1, mark: 3, inLink: 6, outLink: 7, packetType: 19 };

const load = (key: number) => expression('meta', [attribute(1, be32(register)), attribute(2, be32(key))]);
/** What was loaded is this. */
export const isEqual = (value: Buffer): Expression =>
  expression('cmp', [attribute(1, be32(register)), attribute(2, be32(0)), nest(3, attribute(VALUE, value))]);
/** Loads a value. */
export const immediate = (value: Buffer): Expression =>
  expression('immediate', [attribute(1, be32(register)), nest(2, attribute(VALUE, value))]);

function linkName(name: string): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.write(name, 0, 15, 'latin1');
  return bytes;
}

export const comesIn = (link: string): readonly Expression[] => [load(META.inLink), isEqual(linkName(link))];
export const goesOut = (link: string): readonly Expression[] => [load(META.outLink), isEqual(linkName(link))];
export const isArp: readonly Expression[] = [load(META.protocol), isEqual(Buffer.from([0x08, 0x06]))];
export const isIpv6: readonly Expression[] = [load(META.protocol), isEqual(Buffer.from([0x86, 0xdd]))];

/** Where addresses stand in the network header, by their length. */
const offsets = {
  4: { source: 12, destination: 16, 'arp target': 24 },
  16: { source: 8, destination: 24, 'arp target': 0 },
} as const;

/** The header's source or destination, or what ARP asks for, is this address: four bytes, or sixteen of IPv6. */
export function addressIs(which: keyof (typeof offsets)[4], address: Buffer): readonly Expression[] {
  const length = address.length === 16 ? 16 : 4;
  return [
    expression('payload', [
      attribute(1, be32(register)),
      attribute(2, be32(1)),
      attribute(3, be32(offsets[length][which])),
      attribute(4, be32(length)),
    ]),
    isEqual(address),
  ];
}

/** Goes no further. */
export const dropped: readonly Expression[] = [
  expression('immediate', [attribute(1, be32(0)), nest(2, nest(2, attribute(1, be32(0))))]),
];

/** Translates the source or destination address, and back in the answers. */
export function translate(which: 'source' | 'destination', address: Buffer): readonly Expression[] {
  return [
    immediate(address),
    expression('nat', [
      attribute(1, be32(which === 'source' ? 0 : 1)),
      attribute(2, be32(address.length === 16 ? family.ip6 : family.ip)),
      attribute(3, be32(register)),
      attribute(4, be32(register)),
    ]),
  ];
}

/** Marks the packet, for rules of routing. */
export const marked = (mark: number): readonly Expression[] => [
  immediate(u32(mark)),
  expression('meta', [attribute(3, be32(register)), attribute(2, be32(META.mark))]),
];

/** The frame is for us, whatever MAC it was sent to. The kernel's number is one byte in a register of four. */
export const takeIn: readonly Expression[] = [
  immediate(Buffer.alloc(4)),
  expression('meta', [attribute(3, be32(register)), attribute(2, be32(META.packetType))]),
];
