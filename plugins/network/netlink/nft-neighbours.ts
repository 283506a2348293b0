import { attribute } from './message.js';
import { be32, dropped, expression, immediate, isEqual, isIpv6, type Expression } from './nft-rules.js';

// Neighbour discovery (RFC 4861) in nftables: the kernel answers for other hosts only where it is told each one's address,
// as it is not for ARP. So what a guest asks is turned into the answer where it stands, and goes back.

const header = { link: 0, network: 1, transport: 2 } as const;
type Part = readonly [base: keyof typeof header, offset: number, length: number];
// The two registers of sixteen bytes each that are used.
const [first, second] = [1, 2];

const part = ([base, offset, length]: Part) => [
  attribute(2, be32(header[base])),
  attribute(3, be32(offset)),
  attribute(4, be32(length)),
];
const read = (what: Part, register = first) =>
  expression('payload', [attribute(1, be32(register)), ...part(what)]);

/** Writes a part of the packet, and what the checksum of ICMPv6, two bytes into its header, makes of that. */
function write(what: Part, register = first): Expression {
  const [base] = what;
  const sum = {
    link: [],
    // By way of the addresses, which are in the sum.
    network: [attribute(8, be32(1))],
    transport: [attribute(6, be32(1)), attribute(7, be32(2))],
  }[base];
  return expression('payload', [...part(what), attribute(5, be32(register)), ...sum]);
}

const source: Part = ['network', 8, 16];
const destination: Part = ['network', 24, 16];
const target: Part = ['transport', 8, 16];

const isNeighbour = (type: number): readonly Expression[] => [
  ...isIpv6,
  read(['network', 6, 1]),
  isEqual(Buffer.from([58])),
  read(['transport', 0, 1]),
  isEqual(Buffer.from([type])),
];
const [solicit, advert] = [135, 136];

/** Neighbours' questions and answers. */
export const neighbours = [isNeighbour(solicit), isNeighbour(advert)] as const;

/** What a guest asks to learn whether somebody has its address is answered by nobody. */
export const noDuplicate: readonly Expression[] = [
  ...isNeighbour(solicit),
  read(source),
  isEqual(Buffer.alloc(16)),
  ...dropped,
];

/**
 * Answers whatever neighbour is asked for with this MAC. `length`: of the question, 32 with the asker's own MAC in it, in
 * whose place the answer's goes, or 24 without.
 */
export function answerNeighbour(mac: Buffer, length: 24 | 32): readonly Expression[] {
  const size = Buffer.alloc(2);
  size.writeUInt16BE(length);
  return [
    ...isNeighbour(solicit),
    read(['network', 4, 2]),
    isEqual(size),
    // From whom was asked for, to who asked.
    read(target),
    read(source, second),
    write(destination, second),
    write(source),
    immediate(Buffer.from([advert, 0])),
    write(['transport', 0, 2]),
    // A router, asked for, to be believed.
    immediate(Buffer.from([0xe0, 0, 0, 0])),
    write(['transport', 4, 4]),
    ...(length === 32
      ? [immediate(Buffer.concat([Buffer.from([2, 1]), mac])), write(['transport', 24, 8])]
      : []),
    read(['link', 6, 6]),
    write(['link', 0, 6]),
    immediate(mac),
    write(['link', 6, 6]),
    // Back by the link that it came by.
    expression('meta', [attribute(1, be32(first)), attribute(2, be32(4))]),
    expression('fwd', [attribute(1, be32(first))]),
  ];
}
