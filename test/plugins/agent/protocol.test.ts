import fc from 'fast-check';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { execute } from '../../../plugins/agent/qemu-ga/exec.js';
import { FrameReader, LineTooLong, type Frame } from '../../../plugins/agent/qemu-ga/frames.js';
import { Rpc, type Outcome } from '../../../plugins/agent/qemu-ga/rpc.js';
import type { GuestStream } from '../../../plugins/contract.js';
import { cx, failure } from '../../vmm/support.js';

const fuzzRuns = Number(process.env['THAW_FUZZ_AGENT'] ?? 100_000);

/** Cuts bytes at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
}

/** A guest that sends chunks made when it is written to, and then hangs up. */
function guest(reply: (sent: string) => readonly Uint8Array[]): GuestStream {
  const queue: Uint8Array[] = [];
  return {
    write: (bytes) => void queue.push(...reply(Buffer.from(bytes).toString('latin1'))),
    read: () => Promise.resolve(queue.shift() ?? null),
    close: () => undefined,
  };
}

const idIn = (sent: string): number => Number(/"id":(\d+)/.exec(sent)?.[1]);
const line = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value)}\n`);
const delimiter = Buffer.of(0xff);

t.test('lines are the same however their bytes come in', (t) => {
  const text = fc.string({ unit: 'grapheme', maxLength: 30 }).map((s) => s.replace(/\s/g, '_'));
  const pieces = fc.array(
    fc.oneof(
      text.map((s) => Buffer.from(`${s}\n`)),
      fc.constant(delimiter),
    ),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(pieces, fc.array(fc.nat(), { maxLength: 10 }), (parts, places) => {
      const bytes = Buffer.concat(parts);
      const [whole, cutUp] = [new FrameReader(1_000), new FrameReader(1_000)];
      const frames: Frame[] = cut(bytes, places).flatMap((chunk) => cutUp.push(chunk));
      t.strictSame(frames, whole.push(bytes));
    }),
  );
  t.end();
});

t.test('a delimiter throws away what stands before it, and only that', (t) => {
  const reader = new FrameReader(100);
  t.strictSame(reader.push(Buffer.from('half a li\xff{"return":1}\n{"return":2}\n', 'latin1')), [
    { text: '{"return":1}', delimited: true },
    { text: '{"return":2}', delimited: false },
  ]);
  t.end();
});

t.test('a line without an end is given up at its limit, in whatever chunks it comes', (t) => {
  const reader = new FrameReader(1_000);
  t.throws(() => {
    for (let chunk = 0; chunk < 2_000; chunk += 1) reader.push(Buffer.from('x'));
  }, LineTooLong);
  t.end();
});

t.test('in step with an agent whatever an earlier client left behind', async (t) => {
  const stale = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(
        line({ return: 77 }),
        line({ error: { class: 'GenericError', desc: 'JSON parse error' } }),
      ),
      fc.constant(Buffer.concat([delimiter, line({ return: 77 })])),
      fc.constant(Buffer.from('{"return": {"pid": 1')),
    ),
    { maxLength: 6 },
  );
  await fc.assert(
    fc.asyncProperty(stale, fc.array(fc.nat(), { maxLength: 6 }), async (before, places) => {
      const rpc = new Rpc(
        'vm-a',
        guest((sent) => {
          t.ok(sent.startsWith('\xff{'), 'half a request in the agent’s parser is thrown away too');
          const own = [delimiter, line({ return: idIn(sent) }), line({ return: { version: '7' } })];
          return cut(Buffer.concat([...before, ...own]), places);
        }),
      );
      const got: Outcome[] = await rpc.sync([{ execute: 'guest-info' }], cx);
      t.strictSame(got, [{ ok: true, value: { version: '7' } }]);
    }),
    { numRuns: 300 },
  );
});

t.test('an endless stream of stale answers is no agent', async (t) => {
  const chunk = Buffer.from(`${JSON.stringify({ return: 'x'.repeat(500_000) })}\n`);
  const rpc = new Rpc('vm-a', {
    write: () => undefined,
    read: () => Promise.resolve(chunk),
    close: () => undefined,
  });
  t.equal((await failure(rpc.sync([], cx))).reason, 'agent-garbled');
});

t.test('a guest that takes long to answer has most of its time for what it was told to do', async (t) => {
  const until = performance.now() + 400;
  let asked = 0;
  let answer: unknown = { pid: 7 };
  const rpc = new Rpc('vm-a', {
    write: (bytes) => {
      if (!Buffer.from(bytes).includes('guest-exec-status')) return;
      asked += 1;
      answer = performance.now() < until ? { exited: false } : { exited: true, exitcode: 0 };
    },
    read: async () => {
      await sleep(8);
      return line({ return: answer });
    },
    close: () => undefined,
  });
  const { code } = await execute({ rpc, vm: 'vm-a', wish: { path: '/bin/sh', args: [], input: '' } }, cx);
  t.equal(code, 0);
  // 8 ms each: a fifth of the time, not half of it.
  t.ok(asked <= 10, `it was asked ${asked} times`);
});

t.test('an agent’s error is its own words, a hang-up is silence', async (t) => {
  const refused = new Rpc(
    'vm-a',
    guest(() => [
      line({ error: { class: 'CommandNotFound', desc: 'Command guest-exec has been disabled' } }),
    ]),
  );
  const got = await failure(refused.call({ execute: 'guest-exec' }, cx));
  t.equal(got.reason, 'agent-command-off', 'by its class, not its words');
  t.match(got.message, 'guest-exec');
  const failing = new Rpc(
    'vm-a',
    guest(() => [line({ error: { class: 'GenericError', desc: 'Failed to execute child process' } })]),
  );
  const failed = await failure(failing.call({ execute: 'guest-exec' }, cx));
  t.equal(failed.reason, 'agent-refused');
  t.match(failed.message, 'Failed to execute', 'its own words');
  const gone = new Rpc(
    'vm-a',
    guest(() => []),
  );
  t.equal((await failure(gone.call({ execute: 'guest-ping' }, cx))).reason, 'agent-silent');
});

t.test(`whatever an agent sends (${fuzzRuns} times): an answer, or an error of the registry`, async (t) => {
  // A generator of its own: fast-check's would take most of the time. The seed is told where it fails.
  const seed = Number(process.env['THAW_FUZZ_SEED'] ?? Date.now() % 2 ** 31);
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
  const samples = [
    Buffer.concat([delimiter, line({ return: 5 })]),
    line({ return: { pid: 7 } }),
    line({ return: { exited: true, exitcode: 0, 'out-data': 'e30K' } }),
    line({ error: { class: 'GenericError', desc: 'x' } }),
    line({ error: { class: 'CommandNotFound', desc: 'x' } }),
    line({ return: [[[[{}]]]] }),
    Buffer.from('{"return":1e999}\n\n\n'),
    Buffer.from([0xff, 0xff, 0x0a, 0x00, 0xc3, 0x28, 0x0a]),
  ];
  const outcomes = new Map<string, number>();
  for (let run = 0; run < fuzzRuns; run += 1) {
    const parts = Array.from({ length: random(4) }, () => Buffer.from(samples[random(samples.length)] ?? ''));
    const bytes = Buffer.concat(parts);
    for (let flips = random(4); flips > 0 && bytes.length > 0; flips -= 1) {
      bytes[random(bytes.length)] = random(256);
    }
    const chunks = cut(bytes, [random(bytes.length + 1)]);
    const synced = random(2) === 0;
    const rpc = new Rpc(
      'vm-a',
      guest((sent) => (synced ? [delimiter, line({ return: idIn(sent) }), ...chunks] : chunks)),
    );
    let outcome = 'answered';
    try {
      await (random(2) === 0
        ? rpc.sync([{ execute: 'guest-info' }], cx)
        : rpc.call({ execute: 'guest-ping' }, cx));
    } catch (error) {
      outcome =
        error instanceof Error && 'reason' in error ? String(error.reason) : `seed ${seed}: ${String(error)}`;
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  const known = ['agent-command-off', 'agent-garbled', 'agent-refused', 'agent-silent', 'answered'];
  t.strictSame([...outcomes.keys()].sort(), known, 'each of them came about, and nothing else');
});
