import fc from 'fast-check';
import t from 'tap';
import { commonScale, duration, waterfall } from '../../../client/cli/waterfall.js';
import type { Span, Timeline } from '../../../client/cli/shapes.js';
import { columns } from '../../../client/cli/text.js';
import { timeline } from './samples.js';

void t.test('a clone’s restore reads as bars on one scale', (t) => {
  t.strictSame(waterfall(timeline, { width: 60 }), [
    'web-1  snapshot.restore  done in 40.0 ms  op-0123456789',
    '  compatible ▎                                       0.30 ms',
    '  load       █████████▌                              10.0 ms',
    '  attach              ▐▌                             1.00 ms',
    '  resume               ███                           2.70 ms',
    '  update                 ▐███████████████████████▉   25.8 ms',
    '    network done · clock failed: no permission',
    '◆ ready                                          ◆ @ 40.0 ms',
  ]);
  t.end();
});

void t.test('without Unicode only ASCII is used, and effects stand beneath their step', (t) => {
  const lines = waterfall(timeline, { width: 60, unicode: false, effects: true });
  t.match(lines.join('\n'), /^[\x20-\x7e\n]*$/);
  const at = lines.findIndex((line) => line.startsWith('  load'));
  t.match(lines[at + 1], /^ {4}vmm\.load +=+ +9\.60 ms$/);
  t.end();
});

void t.test('what failed, was undone or still runs can be told apart without colours', (t) => {
  const spans: Span[] = [
    { name: 'tap', kind: 'step', start: 0, end: 1, outcome: 'failed' },
    { name: 'lease', kind: 'undo', start: 1, end: 2, outcome: 'done' },
    { name: 'vmm', kind: 'step', start: 2, end: null, outcome: 'under-way' },
  ];
  const error = { code: 3105, message: 'The tap th0 is in use', reason: 'tap-busy' };
  const lines = waterfall({ ...timeline, spans, outcome: 'failed', error }, { width: 50 });
  t.match(lines[0], /failed after/);
  t.match(lines[1], /^✗ tap/);
  t.match(lines[2], /^↶ lease/);
  t.match(lines[3], /^… vmm .*under way$/);
  t.equal(lines[4], error.message);
  t.end();
});

void t.test('three clones compare on a common scale', (t) => {
  const slow = {
    ...timeline,
    spans: timeline.spans.map((s) => ({ ...s, end: s.end === null ? null : s.end * 4 })),
  };
  const scale = commonScale([timeline, slow]);
  t.equal(scale, duration(slow));
  const bars = (line: string | undefined): number => (line?.match(/[█-▐]/gu) ?? []).length;
  const [quick, whole] = [
    waterfall(timeline, { width: 100, scale })[2],
    waterfall(timeline, { width: 100 })[2],
  ];
  t.ok(bars(quick) < bars(whole), 'the same load is shorter where a slower clone sets the scale');
  t.end();
});

const spanArbitrary: fc.Arbitrary<Span> = fc
  .record({
    name: fc.string({ minLength: 1, maxLength: 30, unit: 'binary' }),
    kind: fc.constantFrom('step', 'effect', 'undo', 'mark'),
    start: fc.double({ min: 0, max: 1e7, noNaN: true }),
    took: fc.option(fc.double({ min: 0, max: 1e7, noNaN: true }), { nil: null }),
    outcome: fc.constantFrom('done', 'failed', 'under-way'),
    detail: fc.option(fc.jsonValue(), { nil: undefined }),
  })
  .map(({ took, start, ...rest }) => ({ ...rest, start, end: took === null ? null : start + took }));

const timelineArbitrary: fc.Arbitrary<Timeline> = fc
  .record({
    spans: fc.array(spanArbitrary, { maxLength: 30 }),
    outcome: fc.constantFrom('under-way', 'committed', 'undone', 'failed'),
    endedAt: fc.option(fc.integer({ min: 0, max: 1e7 }), { nil: null }),
    message: fc.option(fc.string({ unit: 'binary' }), { nil: null }),
    vm: fc.option(fc.string(), { nil: null }),
  })
  .map(({ message, endedAt, ...rest }) => ({
    ...timeline,
    ...rest,
    endedAt: endedAt === null ? null : timeline.startedAt + endedAt,
    error: message === null ? null : { code: 1, message, reason: 'x' },
  }));

void t.test('no line is ever wider than asked, whatever is in the timeline', (t) => {
  fc.assert(
    fc.property(
      timelineArbitrary,
      fc.record({
        width: fc.integer({ min: 1, max: 200 }),
        unicode: fc.boolean(),
        effects: fc.boolean(),
        scale: fc.option(fc.double({ min: 0, max: 1e7, noNaN: true }), { nil: undefined }),
      }),
      (one, { scale, ...look }) => {
        const lines = waterfall(one, { ...look, ...(scale === undefined ? {} : { scale }) });

        return lines.every(
          (line) => columns(line) <= look.width && !/[\u0000-\u001f\u007f-\u009f]/.test(line),
        );
      },
    ),
  );
  t.end();
});

void t.test('every span has its line with something to see, and steps keep their order', (t) => {
  const named = fc
    .array(spanArbitrary, { maxLength: 30 })
    .map((spans) => spans.map((span, index) => ({ ...span, name: `span-${index}`, detail: undefined })));
  fc.assert(
    fc.property(named, fc.integer({ min: 60, max: 200 }), fc.boolean(), (spans, width, unicode) => {
      const lines = waterfall({ ...timeline, spans, error: null }, { width, unicode, effects: true }).slice(
        1,
      );
      const order = lines.map((line) => Number(/span-(\d+)/.exec(line)?.[1]));
      const glyph = unicode ? /span-\d+ .*[█-▐◆]/u : /span-\d+ .*[=*]/;
      const steps = order.filter((index) => spans[index]?.kind !== 'effect');
      return (
        lines.length === spans.length &&
        new Set(order).size === spans.length &&
        lines.every((line) => glyph.test(line)) &&
        steps.every((index, place) => place === 0 || index > (steps[place - 1] ?? -1))
      );
    }),
  );
  t.end();
});
