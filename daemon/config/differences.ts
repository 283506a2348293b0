import { isDeepStrictEqual } from 'node:util';
import type { Config } from './schema.js';

/** Keys that a running daemon takes up. All others are taken up by the next one. */
const live: ReadonlySet<string> = new Set([
  'limits.vms',
  'limits.memoryMib',
  'cgroups.limits',
  'health.intervalSeconds',
  'health.agentIntervalSeconds',
  'reconcile.intervalSeconds',
  'vmmLog.bytes',
  'log.level',
]);

/** Keys in which two configurations differ. */
export interface Differences {
  /** Those that a running daemon takes up. */
  readonly live: readonly string[];
  /** Those that take a restart. */
  readonly restart: readonly string[];
}

/** What differs, by key: `limits.vms` for what a running daemon may take up, else as deep as sections go. Pure. */
export function differences(before: Config, after: Config): Differences {
  const changed: string[] = [];
  for (const section of Object.keys({ ...before, ...after }) as (keyof Config)[]) {
    const [was, is]: readonly unknown[] = [before[section], after[section]];
    if (isDeepStrictEqual(was, is)) continue;
    if (!isSection(was) || !isSection(is)) changed.push(section);
    else
      for (const key of Object.keys({ ...was, ...is }))
        if (!isDeepStrictEqual(was[key], is[key])) changed.push(`${section}.${key}`);
  }
  return {
    live: changed.filter((key) => live.has(key)),
    restart: changed.filter((key) => !live.has(key)),
  };
}

const isSection = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
