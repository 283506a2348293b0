import { z } from 'zod';
import { annotationInvalid } from '../api/errors/container.js';
import type { ContainerState } from '../api/hook.js';
import { nearest } from '../api/nearest.js';
import { NetworkName } from '../api/shapes/ids.js';
import { Strategy } from '../api/snapshot.js';

/** What a container's annotations ask for. */
export interface ContainerWish {
  readonly snapshot: string;
  readonly strategy: Strategy;
  readonly how: 'beside' | 'takeover';
  /** The network that the clone's NIC is put into; undefined leaves it to the strategy. */
  readonly network: NetworkName | undefined;
  /** Milliseconds for the guest to confirm. */
  readonly readyTimeout: number;
  /** Milliseconds between the container's end and the release, where no poststop comes. */
  readonly grace: number;
}

const prefix = 'dev.thaw.';
const unit = { ms: 1, s: 1_000, m: 60_000 } as const;

const duration = (most: number) =>
  z
    .string()
    .regex(/^\d{1,7}(?:ms|s|m)$/, 'a duration such as 500ms, 30s or 2m')
    .transform((text) => {
      const [, number = '', name = 's'] = /^(\d+)(ms|s|m)$/.exec(text) ?? [];
      return Number(number) * unit[name as keyof typeof unit];
    })
    .pipe(z.int().min(1).max(most));

const values = {
  snapshot: z.string().min(1).max(63),
  strategy: Strategy,
  network: z.enum(['beside', 'takeover']),
  'network-name': NetworkName,
  'ready-timeout': duration(3_600_000),
  grace: duration(3_600_000),
} as const;

/**
 * Reads a container's annotations; null where none asks for a clone. An annotation of ours that is unknown is a warning: it
 * may be of a version to come, and the container must not fail for it. Pure.
 * @throws annotationInvalid
 */
export function readAnnotations({ id, annotations }: Pick<ContainerState, 'id' | 'annotations'>): {
  readonly wish: ContainerWish | null;
  readonly warnings: readonly string[];
} {
  const ours = Object.keys(annotations).filter((name) => name.startsWith(prefix));
  const known = Object.keys(values).map((name) => prefix + name);
  const warnings = ours
    .filter((name) => !known.includes(name))
    .map((name) => `the annotation ${name} is unknown${nearest(name, known)}`);
  const read = <N extends keyof typeof values>(name: N): z.output<(typeof values)[N]> | undefined => {
    const text = annotations[prefix + name];
    if (text === undefined) return undefined;
    const parsed = values[name].safeParse(text);
    if (parsed.success) return parsed.data as z.output<(typeof values)[N]>;
    const why = parsed.error.issues.map(({ message }) => message).join('; ');
    throw annotationInvalid({ container: id, annotation: prefix + name, why });
  };
  const snapshot = read('snapshot');
  if (snapshot === undefined) {
    const lonely = ours.length > 0 && warnings.length < ours.length;
    const lacking = `${prefix}snapshot is missing, so the other annotations do nothing`;
    return { wish: null, warnings: lonely ? [...warnings, lacking] : warnings };
  }
  const how = read('network') ?? 'beside';
  const strategy = read('strategy') ?? 'hot-attach';
  if (how === 'takeover' && strategy !== 'hot-attach')
    throw annotationInvalid({
      container: id,
      annotation: `${prefix}strategy`,
      why: 'an interface is taken over with hot-attach only',
    });
  return {
    wish: {
      ...{ snapshot, strategy, how, network: read('network-name') },
      readyTimeout: read('ready-timeout') ?? 30_000,
      grace: read('grace') ?? 10_000,
    },
    warnings,
  };
}
