import fc from 'fast-check';
import t from 'tap';
import { deeperThan, LineDecoder } from '../../daemon/rpc/codec.js';

/** All lines of the chunks, faults as their reason. */
function decode(chunks: readonly Buffer[], lineBytes = 1 << 20): string[] {
  const decoder = new LineDecoder(lineBytes);
  const lines: string[] = [];
  const take = (line: ReturnType<typeof decoder.next>): boolean => {
    if (line !== null) lines.push(typeof line === 'string' ? line : `fault: ${line.reason}`);
    return line !== null;
  };
  for (const chunk of chunks) {
    decoder.push(chunk);
    while (take(decoder.next()));
  }
  take(decoder.end());
  return lines;
}

/** Cuts at the given places, in any order, repeated or out of range. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, i) => bytes.subarray(from, at[i]));
}

const places = fc.array(fc.nat(4096), { maxLength: 40 });
const text = fc
  .string({ unit: 'binary', maxLength: 60 })
  .map((line) => Buffer.from(line.replace(/[\n\r]/g, '')).toString());

void t.test('any chunking gives the same lines, characters of several bytes included', (t) => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 30 }), places, (lines, places) => {
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      t.strictSame(
        decode(cut(bytes, places)),
        lines.filter((line) => line !== ''),
      );
    }),
    { numRuns: 500 },
  );
  t.end();
});

void t.test('any chunking gives the same faults: lines too long, bytes that are no UTF-8', (t) => {
  const piece = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(new Uint8Array([10])));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), places, (pieces, places) => {
      const bytes = Buffer.concat(pieces);
      const whole = decode([bytes], 24);
      t.strictSame(decode(cut(bytes, places), 24), whole);
      t.strictSame(
        decode(
          Array.from(bytes, (byte) => Buffer.from([byte])),
          24,
        ),
        whole,
      );
    }),
    { numRuns: 500 },
  );
  t.end();
});

void t.test('a line too long is reported once, and the next one is read', (t) => {
  const long = Buffer.from(`${'x'.repeat(25)}\nnext\n`);
  t.strictSame(decode([long], 24), ['fault: frame-too-large', 'next']);
  t.strictSame(decode([Buffer.from(`${'x'.repeat(24)}\n`)], 24), ['x'.repeat(24)]);
  t.end();
});

void t.test('a long line that comes byte by byte is not copied for each byte', (t) => {
  const decoder = new LineDecoder(1 << 20);
  const before = process.memoryUsage();
  for (let i = 0; i < 1 << 20; i++) {
    decoder.push(Buffer.from('x'));
    t.equal(decoder.next(), null);
    if (i > 10) break;
  }
  for (let i = 0; i < (1 << 20) - 20; i++) {
    decoder.push(Buffer.from('x'));
    decoder.next();
  }
  const after = process.memoryUsage();
  t.ok(after.arrayBuffers - before.arrayBuffers < 16 << 20, 'held once, not once for each byte');
  decoder.push(Buffer.from('\n'));
  t.equal(String(decoder.next()).length, (1 << 20) - 8);
  t.end();
});

void t.test('nesting is counted without following it to its end', (t) => {
  const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
  t.notOk(deeperThan(nested(64), 64));
  t.ok(deeperThan(nested(65), 64));
  t.ok(deeperThan(nested(500_000), 64));
  t.ok(deeperThan({ a: [{ b: [] }] }, 3));
  t.notOk(deeperThan({ a: [{ b: 1 }], c: 'x' }, 3));
  t.end();
});

void t.test('one bad byte does not make a chunk be decoded over and over', (t) => {
  // 64 kB of short lines, as a socket gives them, the last one no UTF-8: a second each, decoded anew for every line.
  const chunk = Buffer.concat([Buffer.from('1\n'.repeat(32_000)), Buffer.from([0xff, 10])]);
  const decoder = new LineDecoder(1 << 20);
  let decodings = 0;
  Object.defineProperty(chunk, 'toString', {
    value: (encoding: 'utf8', start: number, end: number): string => {
      decodings++;
      return chunk.subarray(start, end).toString(encoding);
    },
  });
  decoder.push(chunk);
  let lines = 0;
  for (let line = decoder.next(); typeof line === 'string'; line = decoder.next()) lines++;
  t.equal(lines, 32_000);
  t.equal(decodings, 1);
  t.end();
});
