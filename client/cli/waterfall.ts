import { bar, point } from './bar.js';
import { outcomeLines } from './outcome.js';
import type { Span, Timeline } from './shapes.js';
import { type Colour, type Paint, plainPaint } from './terminal.js';
import { clean, columns, cut, pad, wrap } from './text.js';
import { milliseconds } from './units.js';

/** How a timeline is drawn. */
export interface WaterfallOptions {
  /** Columns; no line is wider. */
  readonly width: number;
  /** False: ASCII only. */
  readonly unicode?: boolean;
  /** Also what each step did outside, nested beneath it, and what it answered. */
  readonly effects?: boolean;
  readonly paint?: Paint;
  /** Milliseconds that the whole width of the bars stands for; several timelines compare on one scale. */
  readonly scale?: number;
}

interface Row {
  readonly span: Span;
  readonly depth: number;
}

interface Glyphs {
  readonly bar: string | null;
  readonly failed: string;
  readonly underWay: string;
  readonly undo: string;
  readonly mark: string;
  readonly missing: string;
}

const unicodeGlyphs: Glyphs = { bar: null, failed: '✗', underWay: '…', undo: '↶', mark: '◆', missing: '…' };
const asciiGlyphs: Glyphs = { bar: '=', failed: 'x', underWay: '.', undo: '<', mark: '*', missing: '~' };

/** Milliseconds from the start of an operation to the end of all that is known of it. */
export function duration(timeline: Timeline): number {
  const ends = timeline.spans.map((span) => span.end ?? span.start);
  const whole = timeline.endedAt === null ? 0 : timeline.endedAt - timeline.startedAt;
  return Math.max(0, whole, ...ends);
}

/** The scale on which several timelines can be compared. */
export function commonScale(timelines: readonly Timeline[]): number {
  return Math.max(0, ...timelines.map(duration));
}

/** Steps in their order; each effect beneath the step during which it began, in its order. */
function arrange(spans: readonly Span[], effects: boolean): readonly Row[] {
  const groups = spans
    .filter((span) => span.kind !== 'effect')
    .map((span) => ({ span, inner: [] as Span[] }));
  const stray: Span[] = [];
  for (const effect of spans) {
    if (effect.kind !== 'effect') continue;
    const holder = groups.findLast(
      ({ span }) =>
        span.kind !== 'mark' && span.start <= effect.start && effect.start <= (span.end ?? Infinity),
    );
    (holder?.inner ?? stray).push(effect);
  }
  if (!effects) return groups.map(({ span }) => ({ span, depth: 0 }));
  const nested = groups.flatMap(({ span, inner }) => [
    { span, depth: 0 },
    ...inner.map((effect) => ({ span: effect, depth: 1 })),
  ]);
  return [...nested, ...stray.map((span) => ({ span, depth: 0 }))];
}

function symbolOf(span: Span, glyphs: Glyphs): string {
  if (span.outcome === 'failed') return glyphs.failed;
  if (span.kind === 'mark') return glyphs.mark;
  if (span.end === null) return glyphs.underWay;
  return span.kind === 'undo' ? glyphs.undo : ' ';
}

function colourOf(span: Span): Colour {
  if (span.outcome === 'failed') return 'red';
  if (span.kind === 'mark') return 'blue';
  if (span.kind === 'undo') return 'yellow';
  return span.kind === 'effect' ? 'dim' : 'cyan';
}

function timeOf(span: Span): string {
  if (span.kind === 'mark') return `@ ${milliseconds(span.start)}`;
  return span.end === null ? 'under way' : milliseconds(span.end - span.start);
}

function head(timeline: Timeline, options: Required<WaterfallOptions>): string {
  const who = timeline.name ?? timeline.vm;
  const ending: Readonly<Record<Timeline['outcome'], string>> = {
    committed: 'done in',
    undone: 'undone after',
    failed: 'failed after',
    'under-way': 'under way, so far',
  };
  const words = [
    ...(who === null ? [] : [who]),
    timeline.method,
    `${ending[timeline.outcome]} ${milliseconds(duration(timeline))}`,
    timeline.operation,
  ];
  const mark = options.unicode ? '…' : '~';
  return options.paint('bold', cut(clean(words.join('  ')), options.width, mark));
}

function rowLine(row: Row, place: Place, options: Required<WaterfallOptions>): string {
  const { span, depth } = row;
  const glyphs = options.unicode ? unicodeGlyphs : asciiGlyphs;
  const label = `${symbolOf(span, glyphs)} ${'  '.repeat(depth)}${clean(span.name)}`;
  const named = pad(cut(label, place.label, glyphs.missing), place.label);
  const paint = (text: string): string => options.paint(colourOf(span), text);
  if (place.cells === 0) {
    const time = place.time === 0 ? '' : ` ${pad(timeOf(span), place.time, 'right')}`;
    return (paint(named) + time).trimEnd();
  }
  const perCell = options.scale > 0 ? place.cells / options.scale : 0;
  const onto = (at: number): number => Math.min(place.cells, Math.max(0, at * perCell));
  const from = onto(span.start);
  const stretch = { from, to: Math.max(from, onto(span.end ?? options.scale)), cells: place.cells };
  const drawn = span.kind === 'mark' ? point(stretch, glyphs.mark) : bar(stretch, glyphs.bar);
  return `${named} ${paint(drawn)} ${pad(timeOf(span), place.time, 'right')}`;
}

/** How the width is shared out. `cells` is 0 where no bar has room, `time` where not even the time has. */
interface Place {
  readonly label: number;
  readonly cells: number;
  readonly time: number;
}

const leastBar = 8;

function shareOut(rows: readonly Row[], width: number): Place {
  const longest = Math.max(0, ...rows.map(({ span, depth }) => 2 + 2 * depth + columns(clean(span.name))));
  const time = Math.max(0, ...rows.map(({ span }) => columns(timeOf(span))));
  const label = Math.min(longest, Math.max(10, Math.floor(width * 0.4)));
  const cells = width - label - time - 2;
  if (cells >= leastBar) return { label, cells, time };
  const rest = width - time - 1;
  return rest >= 8 ? { label: Math.min(longest, rest), cells: 0, time } : { label: width, cells: 0, time: 0 };
}

/**
 * A timeline as lines of text: a heading, then each step with its bar on a common scale and its milliseconds; what
 * failed, was undone or is under way has a sign before its name, so colours only help.
 */
export function waterfall(timeline: Timeline, wish: WaterfallOptions): readonly string[] {
  const options: Required<WaterfallOptions> = {
    unicode: true,
    effects: false,
    paint: plainPaint,
    scale: duration(timeline),
    ...wish,
    width: Math.max(1, Math.min(wish.width, 100_000)),
  };
  const rows = arrange(timeline.spans, options.effects);
  const place = shareOut(rows, options.width);
  const lines = rows.flatMap((row) => [
    rowLine(row, place, options),
    ...outcomeLines(row.span.detail, options).map((line) => options.paint('dim', line)),
  ]);
  const room = { width: options.width, mark: options.unicode ? '…' : '~' };
  const fault = timeline.error === null ? [] : faultLines(timeline.error.message, room);
  return [head(timeline, options), ...lines, ...fault.map((line) => options.paint('red', line))];
}

function faultLines(message: string, room: { width: number; mark: string }): readonly string[] {
  return wrap(clean(message), Math.max(1, room.width)).map((line) => cut(line, room.width, room.mark));
}
