import { once } from 'node:events';
import { existsSync } from 'node:fs';
import t from 'tap';
import type { Call } from '../../daemon/methods/call.js';
import { fakeHandlers, fakeVm } from './support/handlers.js';
import { startHost, Wire } from './support/host.js';

void t.test('what is under way when the daemon stops is answered; what comes later is refused', async (t) => {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const { path, server } = await startHost(t, {
    handlers: fakeHandlers({ 'vm.list': () => released.then(() => ({ vms: [] })) }),
  });
  const [busy, idle] = [await Wire.open(t, path), await Wire.open(t, path)];
  busy.request(1, 'vm.list');
  busy.request(2, 'system.health');
  t.match(await busy.next(), { id: 2 });
  const closed = server.close(60_000);
  t.equal(server.close(1), closed, 'closing twice is closing once');
  t.notOk(existsSync(path), 'nobody can connect any more');
  idle.request(3, 'system.health');
  t.match(await idle.error(), { id: 3, code: 1005, reason: 'stopping' });
  release();
  t.match(await busy.next(), { id: 1, result: { vms: [] } });
  await closed;
  t.equal(await busy.next(), null);
  t.equal(await idle.next(), null);
  t.equal(server.connections, 0);
});

void t.test('what does not finish in time is aborted, and its undo awaited', async (t) => {
  let undone = false;
  const stop = async (_: unknown, call: Call): Promise<{ vm: string }> => {
    await once(call.signal, 'abort');
    await new Promise((resolve) => setTimeout(resolve, 50));
    undone = true;
    throw call.signal.reason;
  };
  const { path, server } = await startHost(t, { handlers: fakeHandlers({ 'vm.stop': stop }) });
  const wire = await Wire.open(t, path);
  wire.request(1, 'vm.stop', { vm: 'x' });
  wire.request(2, 'system.health');
  await wire.next();
  await server.close(1_000);
  t.ok(undone);
  t.match(await wire.error(), { id: 1, code: 1005 });
});

void t.test('a client that never reads its last answers does not hold the daemon up', async (t) => {
  let answered = 0;
  const vms = Array.from({ length: 2_000 }, (_, i) => fakeVm(`n${i}`));
  const list = (): { vms: typeof vms } => {
    answered++;
    return { vms };
  };
  const { path, server } = await startHost(t, {
    handlers: fakeHandlers({ 'vm.list': list }),
    checkResults: false,
  });
  const wire = await Wire.open(t, path);
  wire.socket.pause();
  for (let i = 0; i < 10; i++) wire.request(i, 'vm.list');
  while (answered === 0) await new Promise((resolve) => setImmediate(resolve));
  await server.close(10);
  t.equal(server.connections, 0);
});
