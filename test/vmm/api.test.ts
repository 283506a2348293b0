import { once } from 'node:events';
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { VmmApi } from '../../daemon/vmm/api.js';
import { Turns } from '../../daemon/vmm/turns.js';
import type { Context } from '../../plugins/contract.js';
import { ownNamespace } from '../plugins/network/own-namespace.js';
import { boot, cx, failure, folder, start, stayAlive, until, upTo } from './support.js';

// Firecracker silently makes a tap that is missing.
ownNamespace();
stayAlive(t);

const fuzzRuns = Number(process.env['THAW_FUZZ_VMM'] ?? 300);

t.test('a source is booted, saved, and a clone of it gets a NIC while paused', async (t) => {
  const source = await start(t);
  t.equal((await source.api.describe(cx)).state, 'Not started');
  t.equal(await source.api.version(cx), '1.16.1');
  await boot(source);
  await source.api.pause(cx);
  const store = folder(t);
  const files = { state: `${store}/state`, mem: `${store}/mem` };
  await source.api.createSnapshot(files, cx);
  t.ok(readFileSync(files.state).length > 0);
  await source.api.resume(cx);

  const clone = await start(t);
  const names: string[] = [];
  const seen: Context = { ...cx, probe: { effect: (name) => void names.push(name) } };
  await clone.api.loadSnapshot({ ...files, snapshot: 'snap-a' }, seen);
  await clone.api.putNic({ id: 'eth0', tap: 'vmtap0', mac: '02:00:00:00:00:01', mtu: 1400 }, seen);
  t.equal((await clone.api.describe(seen)).state, 'Paused');
  const config = await clone.api.config(seen);
  t.match(config['network-interfaces'], [{ iface_id: 'eth0', host_dev_name: 'vmtap0', mtu: 1400 }]);
  t.match(config.vsock, { uds_path: 'v.sock' }, 'the vsock path followed the folder');
  await clone.api.resume(seen);
  await clone.api.deleteNic('eth0', seen);
  t.strictSame((await clone.api.config(cx))['network-interfaces'], []);
  t.strictSame(
    names,
    ['vmm.load', 'vmm.attach', 'vmm.describe', 'vmm.config', 'vmm.resume', 'vmm.detach'],
    'each call shows in a timeline by its name',
  );
});

t.test('refusals that people meet have entries of their own', async (t) => {
  const source = await start(t);
  await boot(source);
  await source.api.pause(cx);
  const store = folder(t);
  const files = { state: `${store}/state`, mem: `${store}/mem` };
  await source.api.createSnapshot(files, cx);
  await source.api.putNic({ id: 'e1', tap: 'vmtap1', mac: '02:00:00:00:00:01' }, cx);

  const nic = { id: 'e2', tap: 'vmtap1', mac: '02:00:00:00:00:02' };
  const busy = await failure(source.api.putNic(nic, cx));
  t.equal(busy.reason, 'tap-busy');
  t.match(busy.message, 'vmtap1');
  const twice = source.api.putNic({ ...nic, tap: 'vmtap2', mac: '02:00:00:00:00:01' }, cx);
  t.equal((await failure(twice)).reason, 'mac-taken');
  const long = await failure(source.api.putNic({ ...nic, tap: 'a-name-too-long-for-it' }, cx));
  t.equal(long.reason, 'vmm-refused', 'what is not known keeps Firecracker’s own words');
  t.match(long.message, 'Invalid interface name');

  const plain = await start(t, {}, { pci: false });
  await boot(plain);
  t.equal((await failure(plain.api.putNic(nic, cx))).reason, 'no-pci');

  const load = async (over: Partial<typeof files>, dir?: string) => {
    const clone = await start(t, {}, dir === undefined ? {} : { dir });
    const failed = await failure(clone.api.loadSnapshot({ ...files, ...over, snapshot: 'snap-a' }, cx));
    t.strictSame(await clone.process.exited, { code: 1, signal: null }, 'a failed load ends the process');
    const after = await failure(clone.api.describe(cx));
    t.equal(after.reason, 'vmm-died', 'and whoever asks it then is told');
    return failed;
  };
  t.match(await load({ state: `${store}/none` }), {
    reason: 'snapshot-damaged',
    message: 'state is missing',
  });
  t.match(await load({ mem: `${store}/none` }), { reason: 'snapshot-damaged', message: 'mem is missing' });
  const taken = folder(t);
  writeFileSync(`${taken}/v.sock`, '');
  t.match(await load({}, taken), { reason: 'vsock-path-taken' });
  truncateSync(files.mem, 4096);
  t.match(await load({}), { reason: 'snapshot-damaged', message: 'mem can' });
  truncateSync(files.state, 100);
  t.match(await load({}), { reason: 'snapshot-damaged', message: 'state can' });
});

t.test('a body that Firecracker would refuse is not even sent', async (t) => {
  const { api } = await start(t);
  const got = await failure(api.putBootSource({ kernel_image_path: `/${'k'.repeat(60_000)}` }, cx));
  t.equal(got.reason, 'vmm-refused');
  t.match(got.message, '51200');
  t.equal((await api.describe(cx)).state, 'Not started');
});

t.test('a VMM that dies in the middle of a call: the call says so, with its last words', async (t) => {
  const faults = JSON.stringify([{ at: 'start', do: 'die', exitCode: 148 }]);
  const vm = await start(t, { FIRECRACKER_STANDIN_FAULTS: faults });
  let closed = 0;
  vm.api.onClose(() => (closed += 1));
  const got = await failure(boot(vm));
  t.equal(got.reason, 'vmm-died');
  t.match(got.message, 'PUT /actions');
  t.match(got.message, 'seccomp');
  t.equal(closed, 1, 'and whoever listens is told once');
});

t.test('cancelled in the middle: a load is given up, a pause is awaited', async (t) => {
  const faults = JSON.stringify([
    { at: 'pause', do: 'delay', ms: 300 },
    { at: 'load', do: 'delay', ms: 60_000 },
  ]);
  const vm = await start(t, { FIRECRACKER_STANDIN_FAULTS: faults });
  await boot(vm);
  const abort = new AbortController();
  const pausing = vm.api.pause(until(abort.signal));
  await wait(50);
  abort.abort(new TypeError('changed my mind'));
  await pausing;
  t.equal((await vm.api.describe(cx)).state, 'Paused', 'what became of the VM is known');
  t.equal(
    (await failure(vm.api.resume(until(abort.signal)))).message,
    'changed my mind',
    'the next is not sent',
  );
  t.equal((await vm.api.describe(cx)).state, 'Paused');

  const clone = await start(t, { FIRECRACKER_STANDIN_FAULTS: faults });
  const load = clone.api.loadSnapshot({ state: '/none', mem: '/none' }, upTo(100));
  t.match((await failure(load)).reason, 'TimeoutError');
});

t.test('calls go out one at a time, in order, on one connection', async (t) => {
  const server = await fake(t, (socket, text, count) => {
    t.notMatch(text.slice(1), /GET|PUT/, 'one request at a time');
    setTimeout(() => socket.write(answer(200, `{"firecracker_version":"1.${count}.0"}`)), 5);
  });
  const api = server.api();
  const versions = await Promise.all([1, 2, 3, 4, 5].map(() => api.version(cx)));
  t.strictSame(versions, ['1.1.0', '1.2.0', '1.3.0', '1.4.0', '1.5.0']);
  t.equal(server.connections, 1);
});

t.test('requests have a length where they have a body, and none where they have none', async (t) => {
  const asked: string[] = [];
  const server = await fake(t, (socket, text) => {
    asked.push(text);
    socket.write(answer(204, ''));
  });
  const api = server.api();
  await api.pause(cx);
  await api.deleteNic('eth0', cx);
  t.match(asked[0], /Content-Length: 18\r\n/i);
  t.notMatch(asked.join(''), /chunked/i);
  t.notMatch(asked[1], /Content-Length: [1-9]/i);
  t.ok(asked[1]?.endsWith('\r\n\r\n'));
});

t.test('answers that are no JSON, no HTTP or endless are refusals with what was seen', async (t) => {
  const raw = '{ "error": "Bad request.\nAll previous unanswered requests will be dropped." }';
  const cases: [string, string, string][] = [
    [answer(400, raw), 'vmm-refused', 'Bad request. All previous'],
    [answer(503, '{ "error": "Too many open connections" }'), 'vmm-refused', 'Too many open connections'],
    [answer(400, ''), 'vmm-refused', '400'],
    [answer(200, 'hello'), 'vmm-refused', 'another shape'],
    [answer(200, '{"firecracker_version":7}'), 'vmm-refused', 'another shape'],
    ['SSH-2.0-OpenSSH_9.2\r\n', 'vmm-refused', 'no HTTP'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n' + ' '.repeat(5_000_000), 'vmm-refused', 'no HTTP'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"firecr', 'vmm-silent', 'GET /version'],
    ['', 'vmm-silent', 'GET /version'],
  ];
  for (const [bytes, reason, words] of cases) {
    const server = await fake(t, (socket) => void socket.end(bytes));
    const got = await failure(server.api().version(cx));
    t.equal(got.reason, reason, `${words}: ${got.message.slice(0, 120)}`);
    t.match(got.message, words);
  }
});

t.test(
  `whatever a VMM answers (${fuzzRuns} times), a call ends in a result or an error of the registry`,
  async (t) => {
    let bytes: Buffer = Buffer.alloc(0);
    const server = await fake(t, (socket) => void socket.end(bytes));
    const head = fc.constantFrom(
      '',
      'HTTP/1.1 200 OK\r\n',
      'HTTP/1.1 204 \r\n\r\n',
      'HTTP/1.1 400 Bad\r\nContent-Length: 9\r\n\r\n',
    );
    await fc.assert(
      fc.asyncProperty(head, fc.uint8Array({ maxLength: 200 }), async (start, rest) => {
        bytes = Buffer.concat([Buffer.from(start), rest]);
        const got = await failure(server.api().version(cx));
        return ['vmm-refused', 'vmm-silent'].includes(got.reason);
      }),
      { numRuns: fuzzRuns },
    );
  },
);

t.test('turns: one at a time, in order; who gives up while waiting never begins', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom('work', 'fail', 'abort'), { maxLength: 12 }), async (kinds) => {
      const turns = new Turns();
      const log: string[] = [];
      let inside = 0;
      const all = kinds.map((kind, index) => {
        const abort = new AbortController();
        const done = turns.take(abort.signal, async () => {
          t.equal((inside += 1), 1);
          await Promise.resolve();
          inside -= 1;
          log.push(`${kind}${index}`);
          if (kind === 'fail') throw new TypeError('as wished');
        });
        if (kind === 'abort') abort.abort(new TypeError('gave up'));
        return done.catch(() => undefined);
      });
      await Promise.all(all);
      const expected = kinds
        .map((kind, index) => `${kind}${index}`)
        .filter((name) => !name.startsWith('abort'));
      t.strictSame(log, expected);
    }),
    { numRuns: 50 },
  );
});

const answer = (status: number, body: string): string =>
  `HTTP/1.1 ${status} X\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

interface FakeVmm {
  readonly connections: number;
  api(): VmmApi;
}

/** Something that listens where a Firecracker should; `reply` is called with each chunk that comes in. */
async function fake(t: Test, reply: (socket: Socket, text: string, count: number) => void): Promise<FakeVmm> {
  const dir = folder(t);
  mkdirSync(dir, { recursive: true });
  const sockets = new Set<Socket>();
  let [connections, count] = [0, 0];
  const server: Server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => reply(socket, chunk.toString(), (count += 1)));
  });
  const path = `${dir}/api.sock`;
  await once(server.listen(path), 'listening');
  const apis: VmmApi[] = [];
  t.teardown(async () => {
    for (const api of apis) api.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    get connections() {
      return connections;
    },
    api() {
      apis.push(new VmmApi({ vm: 'vm-fake000000', socketPath: path }));
      return apis.at(-1)!;
    },
  };
}
