import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { fakeHandlers, fakeVm } from './support/handlers.js';
import { startHost, Wire } from './support/host.js';

void t.test('a line of 100 MB is refused without being kept', async (t) => {
  const host = await startHost(t);
  const wire = await Wire.open(t, host.path);
  const before = process.memoryUsage().rss;
  let most = 0;
  const piece = Buffer.alloc(1 << 16, 'x');
  for (let sent = 0; sent < 100_000_000; sent += piece.length) {
    if (!wire.socket.write(piece)) await new Promise((resolve) => wire.socket.once('drain', resolve));
    most = Math.max(most, process.memoryUsage().rss - before);
  }
  wire.send('\n');
  t.match(await wire.error(), { id: null, code: 1004, reason: 'frame-too-large' });
  t.ok(most < 50_000_000, `grew by ${most}`);
  wire.request(1, 'system.health');
  t.match(await wire.next(), { id: 1 }, 'once, and the next line is read');
});

void t.test('requests over the limit in flight are refused, a burst of quick ones is not', async (t) => {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const { path, server } = await startHost(t, {
    limits: { inFlight: 4 },
    handlers: fakeHandlers({ 'vm.list': () => released.then(() => ({ vms: [] })) }),
  });
  const wire = await Wire.open(t, path);
  const burst = Array.from({ length: 100 }, (_, id) =>
    JSON.stringify({ jsonrpc: '2.0', id, method: 'system.health' }),
  );
  wire.send(`${burst.join('\n')}\n`);
  for (let id = 0; id < 100; id++) t.match(await wire.next(), { id, result: {} });
  for (let id = 0; id < 6; id++) wire.request(id, 'vm.list');
  t.match(await wire.error(), { id: 4, code: 1003, reason: 'too-many-in-flight' });
  t.match(await wire.error(), { id: 5, code: 1003 });
  t.equal(server.inFlight, 4);
  release();
  for (let id = 0; id < 4; id++) t.match(await wire.next(), { id, result: { vms: [] } });
  wire.request(9, 'vm.list');
  t.match(await wire.next(), { id: 9, result: { vms: [] } });
});

void t.test('a batch counts each of its requests', async (t) => {
  const { path } = await startHost(t, { limits: { inFlight: 2 } });
  const wire = await Wire.open(t, path);
  const health = (id: number): object => ({ jsonrpc: '2.0', id, method: 'system.health' });
  wire.send([health(1), health(2), health(3)]);
  t.match(await wire.next(), [{ result: {} }, { result: {} }, { id: 3, error: { code: 1003 } }]);
  wire.send([health(4), health(5)]);
  t.match(await wire.next(), [{ result: {} }, { result: {} }]);
});

void t.test('a client that does not read is not read from, and loses nothing', async (t) => {
  let answered = 0;
  const vms = Array.from({ length: 100 }, (_, i) => fakeVm(`n${i}`));
  const list = (): { vms: typeof vms } => {
    answered++;
    return { vms };
  };
  const { path } = await startHost(t, { handlers: fakeHandlers({ 'vm.list': list }), checkResults: false });
  const slow = await Wire.open(t, path);
  slow.socket.pause();
  const count = 2_000;
  for (let id = 0; id < count; id++) slow.request(id, 'vm.list');
  const quick = await Wire.open(t, path);
  let before = -1;
  while (answered !== before) {
    before = answered;
    for (let i = 0; i < 20; i++) {
      quick.request(i, 'system.health');
      t.match(await quick.next(), { id: i }, 'others are served meanwhile');
    }
    await sleep(50);
  }
  // What is in the kernel's buffers, in the queue, and what one turn may add to it.
  t.ok(answered < 400, `${answered} of ${count} answered while nobody read`);
  slow.socket.resume();
  for (let id = 0; id < count; id++) {
    const answer = await slow.next();
    if (answer?.id !== id) t.equal(answer?.id, id);
  }
  t.equal(answered, count);
});

void t.test('connections over the limit are closed, the others stay', async (t) => {
  const { path, server, log } = await startHost(t, { limits: { connections: 2 } });
  const [a] = [await Wire.open(t, path), await Wire.open(t, path)];
  const third = await Wire.open(t, path);
  t.equal(await third.next(), null);
  a.request(1, 'system.health');
  t.match(await a.next(), { id: 1 });
  t.equal(server.connections, 2);
  t.match(log.lines, [{ level: 'warn', data: { why: 'too many connections' } }]);
});
