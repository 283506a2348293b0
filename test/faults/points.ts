/** One place where a fault can be put: an edge of an effect, the how-manieth time it is reached. */
export interface Point {
  readonly at: string;
  readonly when: 'before' | 'after';
  readonly nth: number;
}

/** What is done there. */
export const kinds = ['kill', 'error', 'hang', 'full'] as const;
export type Kind = (typeof kinds)[number];

export interface Case {
  readonly kind: Kind;
  readonly point: Point;
}

/** The points of a trace as daemon/effects/faults.ts writes it; lines that tell of a hit are none. */
export function pointsOf(trace: string): Point[] {
  const counts = new Map<string, number>();
  return trace.split('\n').flatMap((line) => {
    const [when, at, hit] = line.split(' ');
    if (at === undefined || hit !== undefined || (when !== 'before' && when !== 'after')) return [];
    const nth = (counts.get(line) ?? 0) + 1;
    counts.set(line, nth);
    return [{ at, when, nth }];
  });
}

/**
 * The cases at these points: a kill and an error at each. What hangs is told of at the first of each effect only: it
 * waits for whoever gives up. A disk is full from then on, so it matters only before something changes.
 */
export function casesOf(
  points: readonly Point[],
  changes: ReadonlySet<string>,
  wanted: readonly Kind[],
): Case[] {
  const fits: Record<Kind, (point: Point) => boolean> = {
    kill: () => true,
    error: () => true,
    hang: ({ when, nth }) => when === 'before' && nth === 1,
    full: ({ at, when }) => when === 'before' && changes.has(at),
  };
  return wanted.flatMap((kind) => points.filter(fits[kind]).map((point) => ({ kind, point })));
}

/** So many of each kind, drawn by `random`; all of a kind that has fewer. */
export function sample(cases: readonly Case[], each: number, random: (below: number) => number): Case[] {
  return kinds.flatMap((kind) => {
    const left = cases.filter((one) => one.kind === kind);
    const drawn: Case[] = [];
    while (drawn.length < each && left.length > 0) drawn.push(...left.splice(random(left.length), 1));
    return drawn;
  });
}

export const nameOf = ({ kind, point: { at, when, nth } }: Case): string => `${kind} ${when} ${at} #${nth}`;
