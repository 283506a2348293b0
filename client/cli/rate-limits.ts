import type { ParamsOf } from '../../daemon/api/index.js';
import { usage } from './usage.js';

type Wish = NonNullable<ParamsOf<'network.attach'>['nic']>;
type Limits = Pick<Wish, 'rxRateLimiter' | 'txRateLimiter'>;
type Bucket = NonNullable<NonNullable<Limits['rxRateLimiter']>['bandwidth']>;

/** The words for a NIC's limits, in `--nic` and as options; `rx` is what the guest receives. */
export const limitKeys = ['rx', 'tx', 'rx-ops', 'tx-ops', 'rx-burst', 'tx-burst'] as const;
type Key = (typeof limitKeys)[number];
type Way = 'rx' | 'tx';

const perSecond: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, g: 1e9 };
const perSize: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };
/** Milliseconds: Firecracker looks that often whether an empty bucket has something again (rate_limiter/src/lib.rs). */
const refillTimer = 100;

/** Bytes in a second, of bits in tc’s way. */
function bytesPerSecond(text: string): number | null {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)([kmg])bit$/i.exec(text);
  const factor = perSecond[(match?.[2] ?? '').toLowerCase()];
  const bytes = factor === undefined ? 0 : Math.round((Number(match?.[1]) * factor) / 8);
  return bytes < 1 ? null : bytes;
}

function burstBytes(text: string): number | null {
  const match = /^(\d{1,12})([kmg]?)b?$/i.exec(text);
  const factor = perSize[(match?.[2] ?? '').toLowerCase()];
  return match === null || factor === undefined ? null : Number(match[1]) * factor;
}

/** A value, and what people wrote for it, e.g. `--rx 10mbit`. */
interface Given {
  readonly text: string;
  readonly called: string;
}

/** A bucket of a second’s worth, or of the burst that was asked for, refilled at the rate. */
function bandwidth(rate: Given, burst: Given | undefined): Bucket {
  const bytes = bytesPerSecond(rate.text);
  if (bytes === null)
    throw usage(`${rate.called}: not a rate in bits per second like 500kbit, 10mbit or 1.5gbit`);
  if (burst === undefined) return { size: bytes, refill_time: 1000 };
  const size = burstBytes(burst.text);
  if (size === null) throw usage(`${burst.called}: not a number of bytes like 65536, 256k or 1m`);
  const least = Math.ceil((bytes * refillTimer) / 1000);
  if (size < least)
    throw usage(
      `${burst.called}: ${least} bytes at least at this rate, as Firecracker refills every ${refillTimer} ms`,
    );
  return { size, refill_time: Math.round((size * 1000) / bytes) };
}

/** The limiters that these fields ask for; `called` is what people wrote for one of them. @throws usage */
export function limitersOf(
  fields: Readonly<Partial<Record<Key, string | undefined>>>,
  called: (key: Key) => string,
): Limits {
  const given = (key: Key): Given | undefined => {
    const { [key]: text } = fields;
    return text === undefined ? undefined : { text, called: called(key) };
  };
  const limiter = (way: Way) => {
    const [rate, ops, burst] = [given(way), given(`${way}-ops`), given(`${way}-burst`)];
    if (burst && !rate) throw usage(`${burst.called}: ${way}, whose burst it is, is not given`);
    if (ops && !/^[1-9]\d{0,11}$/.test(ops.text))
      throw usage(`${ops.called}: not a whole number of packets per second`);
    return {
      ...(rate && { bandwidth: bandwidth(rate, burst) }),
      ...(ops && { ops: { size: Number(ops.text), refill_time: 1000 } }),
    };
  };
  const [rx, tx] = [limiter('rx'), limiter('tx')];
  return {
    ...(Object.keys(rx).length > 0 && { rxRateLimiter: rx }),
    ...(Object.keys(tx).length > 0 && { txRateLimiter: tx }),
  };
}

const rate = (what: string) =>
  ({ type: 'text', value: 'RATE', summary: `${what}, in bits per second like 10mbit` }) as const;
const ops = (what: string) =>
  ({ type: 'text', value: 'N', summary: `${what}, in packets per second` }) as const;
const burst = (way: string) =>
  ({
    type: 'text',
    value: 'BYTES',
    summary: `how much of ${way} may go at once, like 256k (else a second’s worth)`,
  }) as const;

/** Those words as options. */
export const limiterOptions = {
  rx: rate('most that the guest receives'),
  tx: rate('most that the guest sends'),
  'rx-ops': ops('most that the guest receives'),
  'tx-ops': ops('most that the guest sends'),
  'rx-burst': burst('rx'),
  'tx-burst': burst('tx'),
} as const;
