import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { diskFull } from '../../../daemon/api/errors/host.js';
import { type Diary, fabric, load, plugin, refusal, storage } from './support.js';

t.test('plugins start in order and close in reverse, once', async (t) => {
  const diary: Diary = [];
  const builtIn = [
    fabric(diary),
    storage(diary),
    plugin('strategy', 'none', diary),
    plugin('agent', 'http', diary),
  ];
  const set = await load({ builtIn });
  t.strictSame(set.list(), [
    { kind: 'fabric', name: 'bridge' },
    { kind: 'storage', name: 'local' },
    { kind: 'strategy', name: 'none' },
    { kind: 'agent', name: 'http' },
  ]);
  t.strictSame([[...set.strategies.keys()], [...set.dialects.keys()]], [['none'], ['http']]);
  await Promise.all([set.close(), set.close()]);
  t.strictSame(diary, [
    'start bridge',
    'start local',
    'start none',
    'start http',
    'close http',
    'close none',
    'close local',
    'close bridge',
  ]);
});

t.test('what is no plugin for this daemon is refused before anything starts, with the reason', async (t) => {
  const cases: [string, unknown, RegExp][] = [
    [
      'kind',
      plugin('strategy', 'x', [], { kind: 'network' }),
      /kind is "network", not one of fabric, storage, strategy, agent/,
    ],
    ['inherited kind', plugin('strategy', 'x', [], { kind: 'toString' }), /kind is "toString"/],
    ['name', plugin('strategy', 'No Name'), /name is "No Name"/],
    ['no name', plugin('strategy', 'x', [], { name: undefined }), /its name is undefined/],
    [
      'contract',
      plugin('strategy', 'x', [], { contract: 2 }),
      /version 2 of the contract, this thawd has version 1/,
    ],
    ['config', plugin('strategy', 'x', [], { config: {} }), /no zod schema/],
    ['start', plugin('strategy', 'x', [], { start: 'now' }), /no function start/],
  ];
  for (const [what, candidate, why] of cases) {
    const diary: Diary = [];
    t.match(await refusal({ builtIn: [fabric(diary), storage(diary), candidate] }), why, what);
    t.strictSame(diary, [], `${what}: nothing was started`);
  }
});

t.test('two of one name, or two that there can be only one of', async (t) => {
  const twice = [plugin('strategy', 'none'), plugin('strategy', 'none')];
  t.match(
    await refusal({ builtIn: [fabric(), storage(), ...twice] }),
    /none can't be used: there is a strategy already/,
  );
  const stores = [storage(), plugin('storage', 's3')];
  t.match(
    await refusal({ builtIn: [fabric(), ...stores] }),
    /s3 can't be used: there is a storage already: local/,
  );
  t.equal(
    await refusal({ builtIn: [fabric(), storage(), plugin('strategy', 'http'), plugin('agent', 'http')] }),
    'loaded',
    'one name in two kinds is no clash',
  );
});

t.test('settings: checked by the plugin’s own schema, and never ignored', async (t) => {
  t.match(
    await refusal({ settings: { local: { size: -1 } } }),
    /local can't be used: its settings are wrong: size: /,
  );
  t.match(await refusal({ settings: { local: { sise: 1 } } }), /sise/);
  t.match(
    await refusal({ settings: { lokal: {} } }),
    /lokal can't be used: .*no plugin of that name; .*bridge, local/,
  );
  const seen: unknown[] = [];
  const start = (_host: unknown, config: unknown) => {
    seen.push(config);
    return Promise.resolve({});
  };
  await load({
    builtIn: [fabric(), plugin('storage', 'local', [], { start })],
    settings: { local: { size: 7 } },
  });
  await load({ builtIn: [fabric(), plugin('storage', 'local', [], { start })] });
  t.strictSame(seen, [{ size: 7 }, { size: 1 }], 'defaults are filled in');
});

t.test('a start that fails closes those before it', async (t) => {
  for (const start of [
    () => Promise.reject(new TypeError('no such bucket')),
    () => {
      throw new TypeError('no such bucket');
    },
  ]) {
    const diary: Diary = [];
    const builtIn = [fabric(diary), storage(diary), plugin('strategy', 'x', [], { start })];
    t.match(await refusal({ builtIn }), /x can't be used: its start failed: no such bucket/);
    t.strictSame(diary.slice(-2), ['close local', 'close bridge']);
  }
  const nothing = plugin('strategy', 'x', [], { start: () => Promise.resolve() });
  t.match(await refusal({ builtIn: [fabric(), storage(), nothing] }), /it gave undefined/);
});

t.test('an error of the registry comes through as it is', async (t) => {
  const start = () => Promise.reject(diskFull({ path: '/store' }));
  const loading = load({ builtIn: [fabric(), plugin('storage', 'local', [], { start })] });
  await t.rejects(loading, { name: 'ThawError', message: 'No space is left at /store' });
});

t.test('a start that takes too long is named, and what it gives too late is closed', async (t) => {
  const diary: Diary = [];
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  let closed = (): void => undefined;
  const wasClosed = new Promise<void>((resolve) => (closed = resolve));
  const start = async (host: { cx: { signal: AbortSignal } }) => {
    host.cx.signal.addEventListener('abort', () => diary.push('told that time is up'));
    await opened;
    return {
      close: () => {
        closed();
        return Promise.resolve();
      },
    };
  };
  const builtIn = [fabric(diary), storage(diary), plugin('strategy', 'slow', [], { start })];
  t.match(
    await refusal({ builtIn, deadline: 30 }, diary),
    /slow can't be used: its start took longer than 30 ms/,
  );
  t.strictSame(diary, ['start bridge', 'start local', 'told that time is up', 'close local', 'close bridge']);
  open();
  await wasClosed;
  while (!diary.at(-1)?.startsWith('warn')) await sleep(1);
  t.match(diary.at(-1), /started too late and was closed .*"slow"/);
});

t.test('a daemon that is stopped while it starts says so, and closes what had started', async (t) => {
  const diary: Diary = [];
  const stop = new AbortController();
  const gone = new Error('stopped');
  const start = () => {
    stop.abort(gone);
    return new Promise(() => undefined);
  };
  const builtIn = [fabric(diary), storage(diary), plugin('strategy', 'x', [], { start })];
  await t.rejects(load({ builtIn, signal: stop.signal }), gone);
  t.strictSame(diary.slice(-2), ['close local', 'close bridge']);
});

t.test('a close that fails or hangs is logged, and the others still have their turn', async (t) => {
  const diary: Diary = [];
  const closing = (close: () => unknown) => ({ start: () => Promise.resolve({ close }) });
  const set = await load(
    {
      builtIn: [
        fabric(diary),
        storage(diary),
        plugin(
          'strategy',
          'hangs',
          [],
          closing(() => new Promise(() => undefined)),
        ),
        plugin(
          'strategy',
          'fails',
          [],
          closing(() => Promise.reject(new TypeError('no'))),
        ),
      ],
      deadline: 30,
    },
    diary,
  );
  await set.close();
  t.match(diary.slice(2), [
    /^warn: a plugin was not closed in order .*"fails".*no/,
    /^warn: a plugin was not closed in order .*"hangs".*longer than 30 ms/,
    'close local',
    'close bridge',
  ]);
});

t.test('a plugin of the kind lifecycle gives what can be called, or is refused and closed', async (t) => {
  const given: [string, object, RegExp][] = [
    ['no hooks', {}, /its start failed: it gives no hooks/],
    [
      'a misspelt hook',
      { hooks: { 'vm.redy': () => undefined } },
      /no hook vm\.redy, did you mean `vm\.ready`/,
    ],
    ['a hook that is none', { hooks: { 'vm.ready': 7 } }, /its hook vm\.ready is no function/],
    ['an order', { hooks: {}, order: 100 }, /its order is 100, no number from 0 to 99/],
    [
      'a deadline',
      { hooks: {}, deadline: 0 },
      /its deadline is 0, no number of milliseconds from 1 to 30000/,
    ],
    ['synchronize', { hooks: {}, synchronize: true }, /its synchronize is no function/],
  ];
  for (const [what, more, why] of given) {
    const diary: Diary = [];
    const close = () => Promise.resolve(void diary.push('closed'));
    const start = () => Promise.resolve({ close, ...more });
    const one = plugin('lifecycle', 'dns', diary, { start });
    t.match(await refusal({ builtIn: [fabric(), storage(), one] }), why, what);
    t.strictSame(diary, ['closed'], `${what}: what it had opened is closed`);
  }
});
