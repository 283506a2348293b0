import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { connect, type ThawClient } from '../../client/index.js';
import { EventHub } from '../../daemon/events/hub.js';
import { eventHandlers } from '../../daemon/methods/events.js';
import { lockTake } from '../../daemon/effects/lock.js';
import { listen } from '../../daemon/rpc/listen.js';
import { serve, type RpcServer } from '../../daemon/rpc/server.js';
import type { Handlers } from '../../daemon/methods/call.js';
import { cx } from '../rpc/support/context.js';
import { fakeHandlers, fakeVm } from '../rpc/support/handlers.js';
import { memoryLog } from '../rpc/support/log.js';

const quick = { firstDelayMs: 5, longestDelayMs: 20 };

/** A daemon that can be started and stopped over and over, and a client of it. */
async function restartable(t: Test, handlers: Partial<Handlers>) {
  const dir = mkdtempSync(join(tmpdir(), 'thaw-client-'));
  const socket = join(dir, 'thawd.sock');
  const lock = await lockTake(join(dir, 'thawd.lock'), cx);
  let server: RpcServer | null = null;
  const start = async (): Promise<void> => {
    const listener = await listen({ path: socket, lock }, cx);
    server = serve({
      listener,
      handlers: fakeHandlers(handlers),
      accessOf: () => 'change',
      log: memoryLog(),
    });
  };
  const stop = async (): Promise<void> => {
    await server?.close(10);
    server = null;
  };
  await start();
  const client = await connect({ socket, reconnect: quick });
  t.teardown(async () => {
    await client.close();
    await stop();
    lock.close();
    rmSync(dir, { recursive: true });
  });
  return { client, start, stop, socket };
}

/** A server that does with each line what the test says; it never answers by itself. */
async function scripted(t: Test, onLine: (socket: Socket, line: { id: number; method: string }) => void) {
  const dir = mkdtempSync(join(tmpdir(), 'thaw-client-'));
  const path = join(dir, 'thawd.sock');
  const server: Server = createServer((socket) => {
    socket.setEncoding('utf8');
    socket.on('error', () => undefined);
    socket.on('data', (text: string) => {
      for (const line of text.trim().split('\n'))
        onLine(socket, JSON.parse(line) as { id: number; method: string });
    });
  });
  server.listen(path);
  await once(server, 'listening');
  const clients: ThawClient[] = [];
  t.teardown(async () => {
    for (const client of clients) await client.close();
    server.close();
    rmSync(dir, { recursive: true });
  });
  const client = await connect({ socket: path, reconnect: quick });
  clients.push(client);
  return client;
}

void t.test('a call after a restart of the daemon just works', async (t) => {
  const { client, start, stop } = await restartable(t, {});
  await client.system.health();
  await stop();
  const waiting = client.system.health();
  const change = t.rejects(client.vm.get({ vm: 'x' }), { code: 2001 }, 'sent only once there is somebody');
  await start();
  t.equal((await waiting).status, 'ok');
  await change;
});

void t.test('a read under way when the connection breaks is asked again, a change is not', async (t) => {
  const seen: string[] = [];
  const client = await scripted(t, (socket, { id, method }) => {
    seen.push(method);
    if (seen.length < 3) {
      if (seen.length === 2) socket.destroy();
      return;
    }
    socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, result: { vms: [] } })}\n`);
  });
  const change = t.rejects(client.vm.stop({ vm: 'base' }), {
    code: 1904,
    message: /vm\.stop was under way: its outcome is unknown/,
    detail: { reason: 'outcome-unknown', retryable: false, method: 'vm.stop', vms: ['base'], remedy: /base/ },
  });
  t.strictSame(await client.vm.list(), { vms: [] });
  await change;
  t.strictSame(seen, ['vm.stop', 'vm.list', 'vm.list']);
});

void t.test('a request that ends every daemon it meets is given up', async (t) => {
  let asked = 0;
  const client = await scripted(t, (socket) => {
    asked++;
    socket.destroy();
  });
  await t.rejects(client.vm.list(), { code: 1903, detail: { reason: 'connection-lost' } });
  t.ok(asked > 1 && asked < 10, `asked ${asked} times`);
});

void t.test(
  'a daemon that does not take the connection has done nothing, so a change is sent again',
  async (t) => {
    let refused = 0;
    const client = await scripted(t, (socket, { id }) => {
      const stopping = {
        code: 1005,
        message: 'stopping',
        data: { reason: 'stopping', retryable: true, remedy: '' },
      };
      if (refused++ === 0) socket.end(`${JSON.stringify({ jsonrpc: '2.0', id: null, error: stopping })}\n`);
      else socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, result: { vm: 'x' } })}\n`);
    });
    t.strictSame(await client.vm.stop({ vm: 'x' }), { vm: 'x' });
    t.equal(refused, 2);
  },
);

void t.test('without a daemon for long, what waits fails; without reconnecting, at once', async (t) => {
  const { client, stop, start, socket } = await restartable(t, {});
  const patient = await connect({ socket, reconnect: { ...quick, giveUpMs: 50 } });
  const strict = await connect({ socket, reconnect: false });
  await stop();
  await t.rejects(patient.system.health(), { code: 1901, detail: { reason: 'daemon-not-running' } });
  await t.rejects(strict.system.health(), { code: 1903 });
  const abort = new AbortController();
  const call = client.vm.stop({ vm: 'x' }, { signal: abort.signal });
  abort.abort();
  await t.rejects(call, { code: 1001 }, 'not sent yet, so over at once');
  await t.rejects(client.system.health({}, { timeoutMs: 10 }), { code: 1006 });
  await start();
  t.equal((await patient.system.health()).status, 'ok', 'and it works again when there is one');
  await patient.close();
  await strict.close();
});

void t.test('events: the state, then what happens, across a lost connection without a gap', async (t) => {
  const hub = new EventHub('e1');
  const vms = () => [fakeVm('a')];
  const { client, stop, start } = await restartable(t, eventHandlers({ hub, vms }));
  const events = client.events();
  t.match((await events.next()).value, { kind: 'state', epoch: 'e1', seq: 0, vms: [{ name: 'a' }] });
  hub.emit({ type: 'vm.preparing' });
  t.match((await events.next()).value, { kind: 'event', epoch: 'e1', event: { seq: 1 } });
  await stop();
  hub.emit({ type: 'vm.ready' });
  hub.emit({ type: 'vm.stopped' });
  await start();
  t.match((await events.next()).value, { kind: 'event', event: { seq: 2 } });
  t.match((await events.next()).value, { kind: 'event', event: { seq: 3 } });
  await events.return();
  const since = client.events({ since: { epoch: 'e1', seq: 2 } });
  t.match((await since.next()).value, { kind: 'event', event: { seq: 3 } });
  await since.return();
});

void t.test('events: another daemon’s numbers mean nothing, so a fresh state comes', async (t) => {
  let hub = new EventHub('e1');
  const { client, stop, start } = await restartable(t, {
    'events.subscribe': (params, call) =>
      eventHandlers({ hub, vms: () => [] })['events.subscribe'](params, call),
  });
  const events = client.events();
  await events.next();
  hub.emit({ type: 'vm.ready' });
  await events.next();
  await stop();
  hub = new EventHub('e2');
  await start();
  t.match((await events.next()).value, { kind: 'state', epoch: 'e2', seq: 0 });
  hub.emit({ type: 'vm.ready' });
  t.match((await events.next()).value, { kind: 'event', epoch: 'e2', event: { seq: 1 } });
  await events.return();
});

void t.test('events: a consumer too slow for the daemon is told, and gets a fresh state', async (t) => {
  const hub = new EventHub('e1', 100);
  const { client } = await restartable(t, eventHandlers({ hub, vms: () => [] }));
  const events = client.events();
  await events.next();
  const detail = 'x'.repeat(4_000);
  for (let i = 0; i < 5_000; i++) {
    hub.emit({ type: 'vm.changed', detail });
    if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  let last = 0;
  for await (const item of events) {
    if (item.kind === 'event') {
      if (item.event.seq !== last + 1) t.equal(item.event.seq, last + 1, 'no gap before it is told');
      last = item.event.seq;
    } else if (item.kind === 'dropped') {
      t.equal(item.from, last + 1);
    } else {
      t.equal(item.seq, 5_000);
      break;
    }
  }
  t.equal((await events.next()).done, true);
});

void t.test('events: the signal and the client’s end are the iteration’s end', async (t) => {
  const hub = new EventHub('e1');
  const { client } = await restartable(t, eventHandlers({ hub, vms: () => [] }));
  const abort = new AbortController();
  const [mine, others] = [client.events({ signal: abort.signal }), client.events()];
  await mine.next();
  await others.next();
  const [one, two] = [mine.next(), others.next()];
  abort.abort();
  t.strictSame(await one, { done: true, value: undefined });
  await client.close();
  t.strictSame(await two, { done: true, value: undefined });
  t.strictSame(await client.events({ signal: abort.signal }).next(), { done: true, value: undefined });
});
