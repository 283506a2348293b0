import t from 'tap';
import { callHook, FakeContainer } from '../support/container.js';
import { eventually, failureOf, hostWithBase, pidOf, type Vm } from '../support/flow.js';
import type { Host } from '../support/host.js';

// One host for all: each test leaves it as it was.
const { host } = await hostWithBase(t);

const only = async (host: Host): Promise<Vm> => {
  const { vms } = await host.client.vm.list();
  const [vm] = vms;
  if (!vm || vms.length > 1) throw new TypeError(`${vms.length} VMs`);
  return vm;
};
const addressOf = (vm: Vm): string => vm.attachments[0]?.addresses[0]?.split('/')[0] ?? '';
const none = (host: Host) =>
  eventually('no VM', async () => ((await host.client.vm.list()).vms.length === 0 ? true : undefined));

t.test('beside: a container reaches its clone, and no other VM; poststop leaves nothing', async (t) => {
  const [one, two] = [await FakeContainer.start(host, 'one'), await FakeContainer.start(host, 'two')];
  const ends = await Promise.all(
    [one, two].map((container) => callHook(host, ['createRuntime'], container.state())),
  );
  t.strictSame(ends, [
    { code: 0, said: '' },
    { code: 0, said: '' },
  ]);
  const { vms } = await host.client.vm.list();
  const of = (id: string) => vms.find((vm) => vm.container?.ids.includes(id));
  const [first, second] = [of('one'), of('two')];
  if (!first || !second) return t.fail('a container has no clone');
  t.equal(first.word, 'ready');
  t.ok(await one.ping(addressOf(first)), 'its own');
  t.ok(await two.ping(addressOf(second)), 'its own');
  // However it tries: the cable leads to one guest only.
  await one.exec('ip', 'route', 'add', addressOf(second), 'dev', 'thaw0');
  t.notOk(await one.ping(addressOf(second)), 'not that of another');
  t.match(await callHook(host, ['poststart'], one.state()), { code: 0, said: '' });
  for (const container of [one, two]) {
    t.match(await callHook(host, ['poststop'], container.state({}, 0)), { code: 0, said: '' });
    await container.kill();
  }
  t.strictSame((await host.client.vm.list()).vms, []);
  t.strictSame(await host.leftovers(), []);
});

const veth = (peer: string) =>
  `ip link add eth0 type veth peer name ${peer} netns 1 && ip addr add 10.99.0.2/24 dev eth0 && ip link set eth0 up && ` +
  `ip route add default via 10.99.0.1`;

t.test('takeover: the guest has address and MAC of the container, and gives them back', async (t) => {
  const container = await FakeContainer.start(host, 'taken', veth('outer'));
  await host.exec('ip', 'address', 'add', '10.99.0.1/24', 'dev', 'outer');
  await host.exec('ip', 'link', 'set', 'outer', 'up');
  const mac =
    (await container.exec('cat', '/proc/net/arp', '/dev/null')) &&
    (await container.exec('ip', '-brief', 'link', 'show', 'eth0'));
  t.match(await callHook(host, ['createRuntime'], container.state({ network: 'takeover' })), {
    code: 0,
    said: '',
  });
  const vm = await only(host);
  t.equal(addressOf(vm), '10.99.0.2');
  t.ok(mac.includes(vm.attachments[0]?.mac ?? '?'), 'its MAC');
  t.ok(await host.ping('10.99.0.2'), 'the guest answers in its place');
  t.notMatch(
    await container.exec('ip', 'address', 'show', 'dev', 'eth0'),
    /inet /,
    'the container has it no more',
  );
  t.match(await failureOf(host.client.network.attach({ vm: vm.name })), { reason: 'attach-in-namespace' });
  await host.restart('SIGKILL');
  t.ok(await host.ping('10.99.0.2'), 'also with another daemon');
  t.match(await callHook(host, ['poststop'], container.state({}, 0)), { code: 0, said: '' });
  t.match(
    await container.exec('ip', 'address', 'show', 'dev', 'eth0'),
    /inet 10\.99\.0\.2\/24/,
    'given back',
  );
  t.match(await container.exec('ip', 'route'), /default via 10\.99\.0\.1/, 'its way out too');
  t.notMatch(await container.exec('ip', 'link'), /th[0-9a-z]{10}0/, 'no tap is left');
  t.match(
    await callHook(host, ['createRuntime'], container.state({ network: 'takeover' })),
    { code: 0 },
    'and again',
  );
  await container.kill();
  await callHook(host, ['poststop'], container.state({}, 0));
  await host.exec('sh', '-c', 'ip link delete outer 2>/dev/null || true');
  t.strictSame(await host.leftovers(), []);
});

t.test('takeover is refused where it can not be meant', async (t) => {
  const bare = await FakeContainer.start(host, 'bare');
  const shared = await FakeContainer.start(host, 'shared', veth('outer'));
  const stranger = host.exec('nsenter', '-t', String(shared.pid), '-n', 'sleep', '5');
  const refused = async (container: FakeContainer) =>
    callHook(host, ['createRuntime'], container.state({ network: 'takeover' }));
  t.match(await refused(bare), { code: 1, said: /no interface with an IPv4 address/ });
  t.match(await refused(shared), { code: 1, said: /others live in its network namespace/ });
  await stranger;
  await bare.kill();
  await shared.kill();
  t.strictSame((await host.client.vm.list()).vms, []);
});

t.test('twice, out of order, under a name seen before: one clone each time', async (t) => {
  const container = await FakeContainer.start(host, 'again');
  t.match(await callHook(host, ['poststop'], container.state()), { code: 0 }, 'never seen');
  t.match(await callHook(host, ['poststart'], container.state()), { code: 1, said: /has no clone/ });
  const both = [1, 2].map(() => callHook(host, ['createRuntime'], container.state()));
  t.strictSame(
    (await Promise.all(both)).map(({ code }) => code),
    [0, 0],
  );
  const first = await only(host);
  t.match(await callHook(host, ['createRuntime'], container.state()), { code: 0 });
  t.equal((await only(host)).id, first.id);
  const next = await FakeContainer.start(host, 'again');
  t.match(
    await callHook(host, ['createRuntime'], next.state()),
    { code: 0 },
    'nobody said that it had ended',
  );
  t.not((await only(host)).id, first.id);
  t.match(await callHook(host, ['poststop'], next.state({}, 0)), { code: 0 });
  t.match(await callHook(host, ['poststop'], next.state({}, 0)), { code: 0 }, 'twice');
  await container.kill();
  await next.kill();
  t.strictSame(await host.leftovers(), []);
});

t.test('without poststop the clone goes a while after its container, also across a restart', async (t) => {
  const [one, two] = [await FakeContainer.start(host, 'one'), await FakeContainer.start(host, 'two')];
  for (const container of [one, two])
    t.match(await callHook(host, ['createRuntime'], container.state({ grace: '200ms' })), { code: 0 });
  await one.kill();
  await eventually('the release', async () =>
    (await host.client.vm.list()).vms.length === 1 ? true : undefined,
  );
  await host.kill();
  await two.kill();
  await host.start();
  await none(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('two containers of one namespace share a clone, which goes with the last', async (t) => {
  const one = await FakeContainer.start(host, 'one');
  t.match(await callHook(host, ['createRuntime'], one.state()), { code: 0 });
  const other = { ...one.state(), id: 'other' };
  t.match(await callHook(host, ['createRuntime'], other), { code: 0 });
  t.strictSame((await only(host)).container, { how: 'beside', ids: ['one', 'other'] });
  const foreign = { ...one.state({ network: 'takeover' }), id: 'third' };
  t.match(await callHook(host, ['createRuntime'], foreign), { code: 1, said: /has the clone .* already/ });
  await callHook(host, ['poststop'], one.state());
  t.strictSame((await only(host)).container?.ids, ['other']);
  await callHook(host, ['poststop'], other);
  await one.kill();
  t.strictSame(await host.leftovers(), []);
});

t.test('a clone that has ended is told at poststart; bad input is told at once', async (t) => {
  const container = await FakeContainer.start(host, 'it');
  t.match(await callHook(host, ['createRuntime'], container.state()), { code: 0 });
  await host.signal(pidOf(await only(host)), 'SIGKILL');
  await none(host);
  t.match(await callHook(host, ['poststart'], container.state()), { code: 1, said: /has no clone/ });
  const said = async (state: string | object, ...args: string[]) =>
    callHook(host, args.length > 0 ? args : ['createRuntime'], state);
  t.match(await said(''), { code: 1, said: /it is empty/ });
  t.match(await said('{"id":'), { code: 1, said: /no JSON/ });
  t.match(await said('[]'), { code: 1, said: /no object/ });
  t.match(await said('{}'), { code: 1, said: /no container id/ });
  t.match(await said({}, 'prestart'), { code: 2, said: /the first argument is the stage/ });
  t.match(await said({}, 'poststop', '--timeout', '0'), { code: 2, said: /--timeout SECONDS/ });
  t.match(await said(container.state({ snapshto: 'x' })), {
    code: 0,
    said: /dev\.thaw\.snapshto is unknown, did you mean `dev\.thaw\.snapshot`/,
  });
  t.match(await said(container.state({ 'ready-timeout': 'soon' })), {
    code: 1,
    said: /dev\.thaw\.ready-timeout.*a duration such as/,
  });
  t.match(await said({ ...container.state({ snapshot: 'nope' }), id: 'other' }), { code: 5, said: /nope/ });
  t.match(await said(container.state({ network: 'takeover', strategy: 'none' })), {
    code: 1,
    said: /hot-attach only/,
  });
  await callHook(host, ['poststop'], container.state());
  await container.kill();
  t.match(await said(container.state()), { code: 1, said: /has ended: there is no process/ });
  await host.kill();
  t.match(await said(container.state(), 'poststop'), { code: 3, said: /thawd does not answer/ });
  t.match(
    await said({ ...container.state(), annotations: { other: 'x' } }),
    { code: 0, said: '' },
    'nothing to do',
  );
  await host.start();
  t.strictSame(await host.leftovers(), []);
});
