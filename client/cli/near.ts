/** Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours. */
export function distance(a: string, b: string): number {
  const width = b.length + 1;
  const d = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number): number => d[i * width + j] ?? 0;
  for (let i = 0; i <= a.length; i++) d[i * width] = i;
  for (let j = 0; j <= b.length; j++) d[j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, at(i - 2, j - 2) + 1);
      }
      d[i * width + j] = best;
    }
  }
  return at(a.length, b.length);
}

/** The known word that was probably meant: one that begins so, or differs by a third of its letters at most. */
export function nearest(word: string, known: readonly string[]): string | null {
  const beginning = known.filter((candidate) => word.length >= 2 && candidate.startsWith(word));
  if (beginning.length === 1) return beginning[0] ?? null;
  let best: string | null = null;
  let least = Infinity;
  for (const candidate of known) {
    const far = distance(word.slice(0, 64), candidate);
    if (far < least && far <= Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3))) {
      best = candidate;
      least = far;
    }
  }
  return best;
}

/** `; did you mean X?`, or nothing. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return near === null ? '' : `; did you mean ${near}?`;
}

/** `one of A, B, C`, and which of them was probably meant. */
export const oneOf = (word: string, known: readonly string[]): string =>
  `one of ${known.join(', ')}${didYouMean(word, known)}`;
