import fc from 'fast-check';
import t from 'tap';
import { AnswerGarbled, AnswerReader, type HttpAnswer } from '../../plugins/contract.js';

/** The answer in bytes that come in pieces of these lengths, the last one as long as need be. */
function read(bytes: Buffer, lengths: readonly number[]): { answer: HttpAnswer | null; keep: boolean } {
  const reader = new AnswerReader();
  let [at, answer]: [number, HttpAnswer | null] = [0, null];
  for (const length of [...lengths, bytes.length]) {
    if (answer !== null || at >= bytes.length) break;
    answer = reader.push(bytes.subarray(at, at + length));
    at += length;
  }
  return { answer, keep: reader.keep };
}

const lengths = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 60 });

t.test('an answer is the same however its bytes come in', (t) => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.integer({ min: 200, max: 599 }),
      lengths,
      (text, status, cut) => {
        const body = status === 204 || status === 304 ? '' : text;
        const length = Buffer.byteLength(body);
        const head = `HTTP/1.1 ${status} \r\nServer: Firecracker API\r\nconnection: keep-alive\r\nContent-Length: ${length}\r\n\r\n`;
        const got = read(Buffer.from(head + body), cut);
        return got.answer?.status === status && got.answer.body === body && got.keep;
      },
    ),
  );
  t.end();
});

t.test('whatever comes in is an answer, too little of one, or no HTTP', (t) => {
  const head = fc.constantFrom('', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 204\r\n\r\n', 'HTTP/1.1 100 \r\n\r\n');
  fc.assert(
    fc.property(head, fc.uint8Array({ maxLength: 300 }), lengths, (begin, rest, cut) => {
      try {
        read(Buffer.concat([Buffer.from(begin), rest]), cut);
        return true;
      } catch (error) {
        return error instanceof AnswerGarbled;
      }
    }),
    { numRuns: 1_000 },
  );
  t.end();
});

t.test('an announcement is passed over, what follows the answer costs the connection', (t) => {
  const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}';
  t.strictSame(read(Buffer.from(`HTTP/1.1 100 Continue\r\n\r\n${answer}`), []), {
    answer: { status: 200, body: '{}' },
    keep: true,
  });
  t.equal(read(Buffer.from(`${answer}more`), []).keep, false);
  t.equal(read(Buffer.from(answer.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')), []).keep, false);
  t.equal(read(Buffer.from(answer.replace('1.1', '1.0')), []).keep, false);
  t.end();
});

t.test('without a length an answer ends with its connection', (t) => {
  const reader = new AnswerReader();
  t.equal(reader.push(Buffer.from('HTTP/1.1 200 OK\r\n\r\nhello')), null);
  t.strictSame(reader.end(), { status: 200, body: 'hello' });
  const half = new AnswerReader();
  t.equal(half.push(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello')), null);
  t.equal(half.end(), null);
  t.end();
});

t.test('an answer in chunks is whole once the last of them is, wherever its bytes are cut', (t) => {
  const body = '5\r\nhello\r\n7;x=y\r\n, w\u00f6rl\r\n1\r\nd\r\n0\r\n\r\n';
  const bytes = Buffer.from(`HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n${body}`);
  for (let at = 0; at < bytes.length; at += 1) {
    const reader = new AnswerReader();
    const first = reader.push(bytes.subarray(0, at));
    t.equal(first, null, 'not before');
    t.equal(reader.end(), null, 'and half of it is none');
    t.strictSame(reader.push(bytes.subarray(at)), { status: 200, body: 'hello, w\u00f6rld' });
    t.equal(reader.keep, true);
  }
  t.end();
});

t.test('what no Firecracker says is no HTTP', (t) => {
  for (const bytes of [
    'SSH',
    'HTTP/2 200\r\n\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'0'.repeat(2_000)}`,
    'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    'HTTP/1.1 200 OK\r\nno colon\r\n\r\n',
    `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}`,
  ]) {
    t.throws(() => read(Buffer.from(bytes), []), AnswerGarbled, bytes.slice(0, 60));
  }
  t.end();
});
