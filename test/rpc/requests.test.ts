import t from 'tap';
import { systemCallFailed } from '../../daemon/api/errors/host.js';
import { fakeHandlers } from './support/handlers.js';
import { startHost, Wire } from './support/host.js';

const health = { jsonrpc: '2.0', id: 1, method: 'system.health' };

void t.test('a request is answered, by id', async (t) => {
  const { path } = await startHost(t);
  const wire = await Wire.open(t, path);
  wire.request('a', 'system.health');
  t.match(await wire.next(), { jsonrpc: '2.0', id: 'a', result: { status: 'ok' } });
  wire.request(7, 'system.health', {});
  t.match(await wire.next(), { id: 7, result: { status: 'ok' } });
  wire.request(null, 'system.health');
  t.match(await wire.next(), { id: null, result: { status: 'ok' } });
});

void t.test('what is no request is answered with its error, and the connection lives on', async (t) => {
  const { path } = await startHost(t);
  const wire = await Wire.open(t, path);
  const cases: [sent: unknown, expected: object][] = [
    ['{"jsonrpc":"2.0",\n', { id: null, code: -32700, reason: 'parse-error' }],
    [Buffer.from('"\xff\xfe"\n', 'latin1'), { id: null, code: -32700, message: /UTF-8/ }],
    ['42\n', { id: null, code: -32600, reason: 'invalid-request' }],
    ['null\n', { id: null, code: -32600 }],
    ['"system.health"\n', { id: null, code: -32600 }],
    [[], { id: null, code: -32600, message: /empty batch/ }],
    [{}, { id: null, code: -32600 }],
    [
      { ...health, jsonrpc: '1.0' },
      { id: 1, code: -32600, message: /"2\.0"/ },
    ],
    [
      { ...health, jsonrpc: undefined },
      { id: 1, code: -32600 },
    ],
    [
      { ...health, method: 7 },
      { id: 1, code: -32600, message: /`method`/ },
    ],
    [
      { ...health, method: undefined },
      { id: 1, code: -32600 },
    ],
    [
      { ...health, method: 'x'.repeat(129) },
      { id: 1, code: -32600 },
    ],
    [
      { ...health, params: 'x' },
      { id: 1, code: -32600, message: /`params`/ },
    ],
    [
      { ...health, params: null },
      { id: 1, code: -32600 },
    ],
    [
      { ...health, id: {} },
      { id: null, code: -32600, message: /`id`/ },
    ],
    [
      { ...health, id: true },
      { id: null, code: -32600 },
    ],
    [
      { ...health, id: 1.5 },
      { id: null, code: -32600 },
    ],
    ['{"jsonrpc":"2.0","id":12345678901234567890,"method":"system.health"}\n', { id: null, code: -32600 }],
    [
      { ...health, id: 'x'.repeat(129) },
      { id: null, code: -32600 },
    ],
    [
      { ...health, parms: {} },
      { id: 1, code: -32600, message: /unknown member `parms`, did you mean `params`\?/ },
    ],
    ['{"jsonrpc":"2.0","id":1,"method":"system.health","__proto__":{}}\n', { id: 1, code: -32600 }],
    [
      { jsonrpc: '2.0', id: 1, result: {} },
      { id: 1, code: -32600 },
    ],
    [
      { ...health, params: JSON.parse('['.repeat(100) + ']'.repeat(100)) as unknown },
      { code: -32600, message: /nested/ },
    ],
    [
      { ...health, method: 'system.helth' },
      { id: 1, code: -32601, message: /did you mean `system\.health`\?/ },
    ],
    [
      { ...health, method: 'constructor' },
      { id: 1, code: -32601, reason: 'method-not-found' },
    ],
    [
      { ...health, method: '$/cancelRequest', params: { id: 1 } },
      { id: 1, code: -32600 },
    ],
  ];
  for (const [sent, expected] of cases) {
    wire.send(sent);
    t.match(await wire.error(), expected, JSON.stringify(sent).slice(0, 70));
  }
  wire.send(health);
  t.match(await wire.next(), { id: 1, result: { status: 'ok' } });
});

void t.test('params are checked before anything is done, and each problem is named', async (t) => {
  let called = 0;
  const restore = (): never => {
    called++;
    throw systemCallFailed({ what: 'never', errno: 'ENOSYS' });
  };
  const { path } = await startHost(t, { handlers: fakeHandlers({ 'snapshot.restore': restore }) });
  const wire = await Wire.open(t, path);
  const ask = async (method: string, params: object): Promise<string> => {
    wire.request(1, method, params);
    const { code, message } = await wire.error();
    t.equal(code, -32602, message);
    return message;
  };
  t.match(
    await ask('snapshot.restore', { snapshto: 'x' }),
    /unknown key `snapshto`, did you mean `snapshot`\?/,
  );
  t.match(
    await ask('snapshot.restore', { snapshot: 'x', nics: [{}, { adress: '' }] }),
    /nics\[1\]: unknown key `adress`, did you mean `address`/,
  );
  t.match(
    await ask('snapshot.restore', { snapshot: 'x', nics: [{ rxRateLimiter: { bandwith: {} } }] }),
    /nics\[0\]\.rxRateLimiter: .*`bandwidth`/,
  );
  t.match(await ask('snapshot.restore', { snapshot: 3 }), /snapshot: .*string/);
  t.match(await ask('snapshot.restore', { snapshot: 'x', count: 0 }), /count: /);
  t.match(
    await ask('snapshot.restore', { snapshot: 'x', count: 1, names: ['a'] }),
    /count or names, not both/,
  );
  t.match(await ask('snapshot.restore', ['x']), /by name/);
  t.match(await ask('system.health', { verbose: true }), /unknown key `verbose`/);
  t.match(await ask('system.health', ['verbose']), /by name/);
  t.match(
    await ask('vm.boot', { config: { 'boot-source': { kernel_image: '/k' } } }),
    /config\.boot-source: unknown key `kernel_image`, did you mean `kernel_image_path`/,
  );
  t.equal(called, 0);
});

void t.test('a batch is answered as an array, one entry for each that has an id', async (t) => {
  const { path } = await startHost(t, { limits: { batch: 4 } });
  const wire = await Wire.open(t, path);
  wire.send([health]);
  t.match(await wire.next(), [{ id: 1, result: { status: 'ok' } }]);
  wire.send([null]);
  t.match(await wire.next(), [{ id: null, error: { code: -32600 } }]);
  wire.send([
    { ...health, id: 'a' },
    1,
    { jsonrpc: '2.0', method: 'system.health' },
    { ...health, method: 'x' },
  ]);
  t.match(await wire.next(), [
    { id: 'a', result: {} },
    { id: null, error: {} },
    { id: 1, error: { code: -32601 } },
  ]);
  wire.send([{ jsonrpc: '2.0', method: 'system.health' }], [health, health, health, health, health]);
  t.match(
    await wire.error(),
    { id: null, code: -32600, message: /batch of 5/ },
    'a batch of notifications has no answer',
  );
});

void t.test('a notification is done, and not answered', async (t) => {
  let called = 0;
  const list = (): { vms: [] } => {
    called++;
    return { vms: [] };
  };
  const { path } = await startHost(t, { handlers: fakeHandlers({ 'vm.list': list }) });
  const wire = await Wire.open(t, path);
  wire.send({ jsonrpc: '2.0', method: 'vm.list' }, { jsonrpc: '2.0', method: 'nowhere' }, health);
  t.match(await wire.next(), { id: 1 });
  t.equal(called, 1);
});

void t.test('what nobody has foreseen stays in the log, with a number to find it by', async (t) => {
  const host = await startHost(t, {
    handlers: fakeHandlers({
      'vm.list': () => Promise.reject(new TypeError('secret')),
      'vm.get': () => {
        throw new RangeError('secret');
      },
      'snapshot.list': () => ({ snapshots: [1n as never] }),
    }),
    checkResults: false,
  });
  const wire = await Wire.open(t, host.path);
  for (const [method, params] of [['vm.list'], ['vm.get', { vm: 'x' }], ['snapshot.list']] as const) {
    wire.request(1, method, params);
    const answer = await wire.next();
    t.match(answer, {
      id: 1,
      error: { code: 1099, data: { reason: 'internal', incident: /^inc-[0-9a-f]{10}$/ } },
    });
    t.notMatch(JSON.stringify(answer), /secret|BigInt/);
    t.match(host.log.lines.at(-1), {
      level: 'error',
      data: { incident: answer?.error?.data['incident'], err: Error },
    });
  }
});

void t.test('an error of the registry arrives whole', async (t) => {
  const { path } = await startHost(t);
  const wire = await Wire.open(t, path);
  wire.request(1, 'vm.get', { vm: 'nobody' });
  t.match(await wire.next(), {
    error: {
      code: 2001,
      message: 'There is no VM nobody',
      data: { reason: 'vm-unknown', vm: 'nobody', retryable: false, remedy: String },
    },
  });
});
