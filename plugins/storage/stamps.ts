import { z } from 'zod';

const decimal = z.string().regex(/^\d{1,20}$/);

/**
 * Which file it was that was hashed, and when it last changed. A file with the same stamp is the very same: its
 * change time can't be set by hand, and every write, rename over it and change of mode moves it. Decimal text,
 * because nanoseconds since 1970 are more than a double holds.
 */
const Stamp = z.object({ dev: decimal, ino: decimal, size: decimal, mtimeNs: decimal, ctimeNs: decimal });
export type Stamp = z.infer<typeof Stamp>;

/** A file's stamp together with the hash that it had then. */
const Known = z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), stamp: Stamp });
export type Known = z.infer<typeof Known>;

const Stamps = z.object({ version: z.literal(1), files: z.record(z.string(), Known) });

/** What `fs.Stats` with `bigint` gives of it. */
export interface Measured {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

export function stampOf(stat: Measured): Stamp {
  return {
    dev: String(stat.dev),
    ino: String(stat.ino),
    size: String(stat.size),
    mtimeNs: String(stat.mtimeNs),
    ctimeNs: String(stat.ctimeNs),
  };
}

export function sameStamp(a: Stamp, b: Stamp): boolean {
  return (
    a.dev === b.dev &&
    a.ino === b.ino &&
    a.size === b.size &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs
  );
}

/** The text of `stamps.json`. */
export function writeStamps(files: ReadonlyMap<string, Known>): string {
  return JSON.stringify({ version: 1, files: Object.fromEntries(files) } satisfies z.infer<typeof Stamps>);
}

/** Reads `stamps.json`; nothing known where it is torn or of another version: the files are then hashed again. */
export function readStamps(text: string | null): ReadonlyMap<string, Known> {
  if (text === null) return new Map();
  try {
    const parsed = Stamps.safeParse(JSON.parse(text));
    return new Map(parsed.success ? Object.entries(parsed.data.files) : []);
  } catch (error) {
    if (error instanceof SyntaxError) return new Map();
    throw error;
  }
}
