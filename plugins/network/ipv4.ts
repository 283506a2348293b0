// IPv4 addresses as numbers from 0 to 2³²−1: pure arithmetic.

/** A subnet: its first address and prefix length. */
export interface Subnet {
  readonly base: number;
  readonly prefix: number;
}

/** Addresses from `first` to `last`, both included. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

/** The number of a dotted quad; null where it is none. Leading zeros are refused: some read them as octal. */
export function parseAddress(text: string): number | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return null;
  let address = 0;
  for (const part of match.slice(1)) {
    if (Number(part) > 255 || (part.length > 1 && part.startsWith('0'))) return null;
    address = address * 256 + Number(part);
  }
  return address;
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** How many addresses a prefix length spans. */
export function sizeOf(prefix: number): number {
  return 2 ** (32 - prefix);
}

/** A subnet in CIDR notation; null where it is none, or where bits are set beyond the prefix. */
export function parseSubnet(text: string): Subnet | null {
  const [left = '', right = '', ...rest] = text.split('/');
  if (rest.length > 0 || !/^(?:[0-9]|[12][0-9]|3[0-2])$/.test(right)) return null;
  const base = parseAddress(left);
  const prefix = Number(right);
  return base === null || base % sizeOf(prefix) !== 0 ? null : { base, prefix };
}

export function formatSubnet({ base, prefix }: Subnet): string {
  return `${formatAddress(base)}/${prefix}`;
}

/** All addresses of a subnet, the network's own and the broadcast one included. */
export function rangeOf({ base, prefix }: Subnet): Range {
  return { first: base, last: base + sizeOf(prefix) - 1 };
}

/** One address, `first-last`, or a subnet; null where it is none of them. */
export function parseRange(text: string): Range | null {
  const subnet = parseSubnet(text);
  if (subnet) return rangeOf(subnet);
  const [left = '', right = left, ...rest] = text.split('-');
  const [first, last] = [parseAddress(left.trim()), parseAddress(right.trim())];
  return rest.length > 0 || first === null || last === null || last < first ? null : { first, last };
}

export function overlap(a: Range, b: Range): boolean {
  return a.first <= b.last && b.first <= a.last;
}

export function inside(address: number, range: Range): boolean {
  return range.first <= address && address <= range.last;
}
