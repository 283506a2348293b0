import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import t from 'tap';
import { methods } from '../../daemon/api/index.js';
import { EventHub } from '../../daemon/events/hub.js';
import { eventHandlers } from '../../daemon/methods/events.js';
import { fakeHandlers } from './support/handlers.js';
import { generator } from '../support/random.js';
import { startHost, Wire } from './support/host.js';

/** Frames in all; CI sets a million. The seed is printed, and THAW_FUZZ_SEED repeats it. */
const frames = Number(process.env['THAW_FUZZ_FRAMES'] ?? 100_000);
const seed = Number(process.env['THAW_FUZZ_SEED'] ?? Date.now() % 2 ** 31);

// A million take about a minute of processor time.
t.setTimeout(Math.max(30_000, frames));

const names = fc.constantFrom(...Object.keys(methods), '$/cancelRequest', 'rpc.nothing', '__proto__', '');
const id = fc.oneof(fc.nat(9), fc.string({ maxLength: 6 }), fc.constant(null), fc.constant(undefined));
const params = fc.oneof(
  fc.constant(undefined),
  fc.constant({}),
  fc.record(
    { vm: fc.string({ maxLength: 4 }), snapshot: fc.string({ maxLength: 4 }), progressToken: fc.nat(3) },
    { requiredKeys: [] },
  ),
  fc.object({ maxDepth: 3, maxKeys: 4 }),
  fc.jsonValue({ maxDepth: 2 }),
);
const request = fc.record({
  jsonrpc: fc.constantFrom('2.0', '2.0', '2.0', '1.0'),
  id,
  method: names,
  params,
});
const json = fc.oneof(
  { weight: 6, arbitrary: request },
  { weight: 1, arbitrary: fc.array(request, { maxLength: 5 }) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
);
const line = json.map((value) => {
  const text: unknown = JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'bigint' ? String(inner) : inner,
  );
  return Buffer.from(`${typeof text === 'string' ? text : ''}\n`);
});
/** A byte changed, a piece cut out, or a piece put in. */
const mutated = fc
  .tuple(line, fc.nat(), fc.nat(255), fc.nat(12), fc.nat(2))
  .map(([bytes, place, byte, length, how]) => {
    const at = place % bytes.length;
    if (how === 0) return Buffer.concat([bytes.subarray(0, at), Buffer.from([byte]), bytes.subarray(at + 1)]);
    if (how === 1) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(length, byte), bytes.subarray(at)]);
  });
const noise = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.concat([bytes, Buffer.from('\n')]));
const frame = fc.oneof(
  { weight: 5, arbitrary: line },
  { weight: 4, arbitrary: mutated },
  { weight: 1, arbitrary: noise },
);

void t.test(
  `${frames} random frames neither crash nor hang it, nor make it grow; seed ${seed}`,
  { timeout: Math.max(30_000, frames) },
  async (t) => {
    const hub = new EventHub('fuzz');
    const host = await startHost(t, { handlers: fakeHandlers(eventHandlers({ hub, vms: () => [] })) });
    const witness = await Wire.open(t, host.path);
    const alive = async (what: string): Promise<void> => {
      witness.request(what, 'system.health');
      const answer = await witness.next();
      if (answer?.id !== what) t.match(answer, { id: what });
    };
    // A pool of frames drawn from over and over, in changing order and cut at changing places: drawing anew is slow.
    const pool = fc.sample(frame, { numRuns: 4_000, seed });
    const random = generator(seed);
    let most = 0;
    let before = 0;
    for (let sent = 0, turn = 0; sent < frames; turn++) {
      const count = Math.min(1_000, frames - sent);
      const bytes = Buffer.concat(
        Array.from({ length: count }, () => pool[random(pool.length)] ?? Buffer.alloc(0)),
      );
      const socket = connect(host.path);
      const answers = drain(socket);
      for (let at = 0; at < bytes.length;) {
        const length = 1 + random(turn % 3 === 0 ? 200 : 20_000);
        socket.write(bytes.subarray(at, at + length));
        at += length;
        if (random(4) === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      hub.emit({ type: 'vm.changed' });
      // One in four is gone in the middle; the others hear all they are owed.
      if (random(4) === 0) socket.destroy();
      else socket.write('\n{"jsonrpc":"2.0","id":"the last one","method":"system.health"}\n');
      if (!socket.destroyed) await answers.last;
      socket.destroy();
      await answers.closed;
      sent += count;
      await alive(`after ${sent}`);
      if (sent === 20_000) before = process.memoryUsage().heapUsed;
      if (sent > 20_000) most = Math.max(most, process.memoryUsage().heapUsed - before);
    }
    while (host.server.connections > 1) await new Promise((resolve) => setImmediate(resolve));
    t.equal(host.server.inFlight, 0);
    t.ok(most < 150_000_000, `the heap grew by ${most}`);
    t.strictSame(
      host.log.lines.filter((entry) => entry.level !== 'debug'),
      [],
      'nothing unforeseen happened in a handler',
    );
  },
);

/** Reads all that comes: every line is an answer or a notification. */
function drain(socket: Socket): { last: Promise<void>; closed: Promise<void> } {
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  socket.on('error', () => undefined);
  let rest = '';
  const last = new Promise<void>((resolve, reject) => {
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const message: unknown = JSON.parse(line);
        if (typeof message !== 'object' || message === null) reject(new Error(line));
        else if ('id' in message && message.id === 'the last one') resolve();
      }
    });
  });
  return { last, closed };
}
