import { once } from 'node:events';
import t from 'tap';
import type { Call } from '../../daemon/methods/call.js';
import { fakeHandlers, fakeVm } from './support/handlers.js';
import { startHost, Wire } from './support/host.js';

/** A handler that waits for its signal, then takes one more turn to undo; and what it has seen. */
function waiting() {
  const seen: { reason: string; by: unknown }[] = [];
  let began: () => void = () => undefined;
  const started = new Promise<void>((resolve) => (began = resolve));
  const stop = async (_: unknown, call: Call): Promise<{ vm: string }> => {
    began();
    if (!call.signal.aborted) await once(call.signal, 'abort');
    const { reason, detail } = call.signal.reason as { reason: string; detail: Record<string, unknown> };
    await new Promise((resolve) => setImmediate(resolve));
    seen.push({ reason, by: detail['by'] });
    throw call.signal.reason;
  };
  return { seen, started, handlers: fakeHandlers({ 'vm.stop': stop }) };
}

void t.test('a cancelled request is answered as cancelled, after its undo', async (t) => {
  const { seen, handlers } = waiting();
  const { path, server } = await startHost(t, { handlers });
  const wire = await Wire.open(t, path);
  wire.request('s', 'vm.stop', { vm: 'x' });
  wire.send({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id: 'other' } });
  wire.send({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id: {} } });
  wire.send({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id: 's' } });
  t.match(await wire.error(), { id: 's', code: 1001, reason: 'cancelled' });
  t.strictSame(seen, [{ reason: 'cancelled', by: 'client' }]);
  t.equal(server.inFlight, 0);
});

void t.test('a client that is gone takes its requests with it', async (t) => {
  const { seen, started, handlers } = waiting();
  const { path, server, log } = await startHost(t, { handlers });
  const wire = await Wire.open(t, path);
  wire.request(1, 'vm.stop', { vm: 'x' });
  await started;
  wire.socket.destroy();
  while (server.inFlight > 0) await new Promise((resolve) => setImmediate(resolve));
  t.strictSame(seen, [{ reason: 'cancelled', by: 'disconnect' }]);
  t.equal(server.connections, 0);
  t.notOk(log.lines.some((line) => line.level === 'error'));
});

void t.test('Node’s own AbortError counts as cancelled', async (t) => {
  const list = (_: unknown, call: Call): Promise<never> =>
    once(process, 'never', { signal: call.signal }).then(() => Promise.reject(new TypeError('never')));
  const { path } = await startHost(t, { handlers: fakeHandlers({ 'vm.list': list }) });
  const wire = await Wire.open(t, path);
  wire.request(1, 'vm.list');
  wire.send({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id: 1 } });
  t.match(await wire.error(), { id: 1, code: 1001 });
});

void t.test('a client that only ends its side still gets its answers', async (t) => {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const list = async (_: unknown, call: Call): Promise<{ vms: [] }> => {
    await released;
    return call.signal.aborted ? Promise.reject(new TypeError('aborted')) : { vms: [] };
  };
  const { path, server } = await startHost(t, { handlers: fakeHandlers({ 'vm.list': list }) });
  const wire = await Wire.open(t, path);
  wire.request(1, 'vm.list');
  // The last line without a newline, as `printf` leaves it.
  wire.socket.end('{"jsonrpc":"2.0","id":2,"method":"system.health"}');
  t.match(await wire.next(), { id: 2, result: { status: 'ok' } });
  release();
  t.match(await wire.next(), { id: 1, result: { vms: [] } });
  t.equal(await wire.next(), null, 'and then the connection ends');
  t.equal(server.connections, 0);
});

void t.test('progress goes to whom gave a token, before the answer', async (t) => {
  const create = (_: unknown, call: Call): never => {
    call.progress({ operation: 'op-0123456789', vm: null, step: 'pause', state: 'began' });
    throw new TypeError('enough');
  };
  const boot = (_: unknown, call: Call): { vm: ReturnType<typeof fakeVm> } => {
    call.progress({ operation: 'op-0123456789', vm: null, step: 'vmm', state: 'done' });
    return { vm: fakeVm('a') };
  };
  const { path } = await startHost(t, {
    handlers: fakeHandlers({ 'snapshot.create': create, 'vm.boot': boot }),
  });
  const wire = await Wire.open(t, path);
  const config = { 'boot-source': { kernel_image_path: '/k' } };
  wire.request(1, 'vm.boot', { config, progressToken: 'mine' });
  t.match(await wire.next(), { method: '$/progress', params: { token: 'mine', step: 'vmm', state: 'done' } });
  t.match(await wire.next(), { id: 1, result: {} });
  wire.request(2, 'vm.boot', { config });
  t.match(await wire.next(), { id: 2, result: {} }, 'none without a token');
  wire.request(3, 'snapshot.create', { vm: 'x', progressToken: 5 });
  t.match(await wire.next(), { params: { token: 5, step: 'pause' } });
  t.match(await wire.next(), { id: 3, error: {} });
});
