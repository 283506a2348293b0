/** Nearest rank; NaN of none. */
export function percentile(values: readonly number[], rank: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((rank / 100) * sorted.length) - 1)] ?? NaN;
}

export const median = (values: readonly number[]): number => percentile(values, 50);

/** Three digits after the point are more than the clock is worth. */
export const rounded = (value: number, digits = 2): number => Number(value.toFixed(digits));

/** How a time was distributed, in milliseconds. */
export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

export const spread = (values: readonly number[]): Spread => ({
  count: values.length,
  p50: rounded(median(values)),
  p99: rounded(percentile(values, 99)),
});
