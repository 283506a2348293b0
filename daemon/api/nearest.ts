import type { ThawError } from './thaw-error.js';

/** `, did you mean …?` with the one of `known` that `word` most likely is a misspelling of, or nothing. */
export function nearest(word: string, known: readonly string[]): string {
  const best = nearestOf(word, known);
  return best === null ? '' : `, did you mean \`${best}\`?`;
}

/** The one of `known` that `word` most likely is a misspelling of. */
export function nearestOf(word: string, known: Iterable<string>): string | null {
  let best: string | null = null;
  // A third of the letters wrong is no misspelling any more.
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    if (startsAlike(word, candidate)) return candidate;
    if (Math.abs(candidate.length - word.length) >= least) continue;
    const distance = edits(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** `error` for a name that nobody has, with the name that was probably meant. */
export function withNearest(error: ThawError, word: string, known: Iterable<string>): ThawError {
  const near = nearestOf(word, known);
  return near === null ? error : error.adding(`Did you mean ${near}?`, { near });
}

/** One is the other cut short: `kernel_image` for `kernel_image_path`. */
function startsAlike(a: string, b: string): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return short.length >= 4 && long.startsWith(short);
}

/** Insertions, deletions and replacements that make `b` of `a`; swapped neighbours count one. */
function edits(a: string, b: string): number {
  let [before, row]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      }
      next.push(cost);
    }
    [before, row] = [row, next];
  }
  return row[b.length] ?? 0;
}
