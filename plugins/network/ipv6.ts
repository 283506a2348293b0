import { z } from 'zod';

// IPv6 addresses as numbers from 0 to 2¹²⁸−1: pure arithmetic.

/** A subnet of 64 bits: its first address. All that thaw gives out are /64, as every guest expects of a link. */
export interface Subnet6 {
  readonly base: bigint;
  readonly prefix: 64;
}

const Text = z.ipv6();
const interfaceBits = 64n;

/** The number of an IPv6 address; null where it is none, or one with a zone. */
export function parseAddress6(text: string): bigint | null {
  if (!Text.safeParse(text).success) return null;
  // The standard's own form: hexadecimal groups only, however it was written.
  const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const [left = '', right] = canonical.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const [before, after] = [groups(left), groups(right ?? '')];
  const zeros = Array<string>(right === undefined ? 0 : 8 - before.length - after.length).fill('0');
  return [...before, ...zeros, ...after].reduce(
    (sum, group) => (sum << 16n) | BigInt(Number.parseInt(group, 16)),
    0n,
  );
}

/** As the kernel shows it (RFC 5952). */
export function formatAddress6(address: bigint): string {
  const groups = Array.from({ length: 8 }, (_, n) =>
    ((address >> BigInt(112 - 16 * n)) & 0xffffn).toString(16),
  );
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

/** A /64 in CIDR notation; null where it is none, where bits are set beyond the prefix, or where no host may live. */
export function parseSubnet6(text: string): Subnet6 | null {
  const [left = '', right = '', ...rest] = text.split('/');
  const base = parseAddress6(left);
  if (rest.length > 0 || right !== '64' || base === null) return null;
  const first = Number(base >> 112n);
  // Unspecified and loopback, link-local, multicast.
  const unfit = first === 0 || (first & 0xffc0) === 0xfe80 || (first & 0xff00) === 0xff00;
  return unfit || (base & ((1n << interfaceBits) - 1n)) !== 0n ? null : { base, prefix: 64 };
}

export function formatSubnet6({ base, prefix }: Subnet6): string {
  return `${formatAddress6(base)}/${prefix}`;
}

export function inside6(address: bigint, { base }: Subnet6): boolean {
  return address >> interfaceBits === base >> interfaceBits;
}

/** The 16 bytes of an address. */
export function addressBytes6(address: bigint): Buffer {
  return Buffer.from(address.toString(16).padStart(32, '0'), 'hex');
}

export function addressOf6(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`);
}

/** The link-local address that follows from a MAC (RFC 4291, appendix A). */
export function linkLocalOf(mac: string): bigint {
  const bytes = Buffer.from(mac.replaceAll(':', ''), 'hex');
  const id = Buffer.concat([bytes.subarray(0, 3), Buffer.from([0xff, 0xfe]), bytes.subarray(3)]);
  id[0] = (id[0] ?? 0) ^ 0x02;
  return (0xfe80n << 112n) | BigInt(`0x${id.toString('hex')}`);
}
