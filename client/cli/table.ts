import type { Colour, Paint } from './terminal.js';
import { clean, columns, cut, pad } from './text.js';

/** One column of a table of `T`. */
export interface Column<T> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Where the table is too wide, columns go in the order of this number, the highest first; none stays. */
  readonly dropAt?: number;
  readonly cell: (row: T) => string;
  readonly colour?: (row: T) => Colour | null;
}

const gap = '  ';

function widthsOf(cells: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const row of cells) {
    row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, columns(cell))));
  }
  return widths;
}

const total = (widths: readonly number[]): number =>
  widths.reduce((sum, width) => sum + width, 0) + gap.length * Math.max(0, widths.length - 1);

/** Which columns remain where `room` columns of the terminal are all there is. */
function fitting<T>(shape: readonly Column<T>[], widths: readonly number[], room: number): readonly number[] {
  let kept = shape.map((_, index) => index);
  while (total(kept.map((index) => widths[index] ?? 0)) > room) {
    const candidates = kept.filter((index) => shape[index]?.dropAt !== undefined);
    if (candidates.length === 0) break;
    const worst = candidates.reduce((a, b) => ((shape[b]?.dropAt ?? 0) > (shape[a]?.dropAt ?? 0) ? b : a));
    kept = kept.filter((index) => index !== worst);
  }
  return kept;
}

/**
 * Lines of a table, no wider than `width` where that leaves each remaining column a place: columns that matter less
 * go first, then the widest is cut.
 */
export function table<T>(
  shape: readonly Column<T>[],
  rows: readonly T[],
  how: { width: number; paint: Paint },
): readonly string[] {
  const cells = [
    shape.map((column) => column.title),
    ...rows.map((row) => shape.map((column) => clean(column.cell(row)))),
  ];
  const widths = widthsOf(cells);
  const kept = fitting(shape, widths, how.width);
  const shown = kept.map((index) => widths[index] ?? 0);
  while (total(shown) > how.width) {
    const widest = shown.indexOf(Math.max(...shown));
    if ((shown[widest] ?? 0) <= 1) break;
    shown[widest] = (shown[widest] ?? 0) - 1;
  }
  return cells.map((line, number) => {
    const row = rows[number - 1];
    const parts = kept.map((index, place) => {
      const column = shape[index];
      const text = cut(line[index] ?? '', shown[place] ?? 0);
      const last = place === kept.length - 1 && column?.align !== 'right';
      const placed = last ? text : pad(text, shown[place] ?? 0, column?.align);
      if (row === undefined) return how.paint('bold', placed);
      const colour = column?.colour?.(row) ?? null;
      return colour === null ? placed : how.paint(colour, placed);
    });
    return parts.join(gap);
  });
}
