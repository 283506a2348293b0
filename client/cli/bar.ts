const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** Where a stretch lies: `from` and `to` in cells, `0 ≤ from ≤ to ≤ cells`. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly cells: number;
}

function blocks({ from, to, cells }: Stretch): string {
  const first = Math.min(Math.floor(from), cells - 1);
  const late = from - first >= 0.5;
  if (to <= first + 1) {
    // Within one cell: blocks fill from the left only, except for the right half.
    const filled = Math.min(8, Math.max(1, Math.round((to - first) * 8)));
    return ' '.repeat(first) + (late ? '▐' : filled === 8 ? '█' : (eighths[filled] ?? '█'));
  }
  const whole = Math.floor(to);
  const rest = Math.round((to - whole) * 8);
  const tail = rest === 8 ? '█' : (eighths[rest] ?? '');
  return ' '.repeat(first) + (late ? '▐' : '█') + '█'.repeat(Math.max(0, whole - first - 1)) + tail;
}

function letters({ from, to, cells }: Stretch, letter: string): string {
  const first = Math.min(Math.floor(from), cells - 1);
  return ' '.repeat(first) + letter.repeat(Math.max(1, Math.min(cells, Math.round(to)) - first));
}

/**
 * A bar on a line of `cells` columns, filled up with spaces. However short the stretch, one glyph of it shows.
 * @param letter what to draw with; null for Unicode's eighths of a block
 */
export function bar(stretch: Stretch, letter: string | null): string {
  const drawn = letter === null ? blocks(stretch) : letters(stretch, letter);
  return drawn.padEnd(stretch.cells);
}

/** A single point on such a line. */
export function point(stretch: Stretch, glyph: string): string {
  const at = Math.min(Math.floor(stretch.from), stretch.cells - 1);
  return (' '.repeat(at) + glyph).padEnd(stretch.cells);
}
