/** Faults on request: each does what it says, when it says, and no more often. */
import net from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { Agent, folder, host, ownNetwork, Vm } from './lab.js';

ownNetwork();
const timing = { FIRECRACKER_STANDIN_TIMING: '{"create":5,"connect":300}' };
const faults = (...wishes: object[]): Record<string, string> => ({
  ...timing,
  FIRECRACKER_STANDIN_FAULTS: JSON.stringify(wishes),
});

async function snapshot(t: Parameters<typeof folder>[0]): Promise<string> {
  const store = folder(t);
  const source = await Vm.start(t, folder(t), { env: timing });
  await source.boot();
  await (await source.agent()).close();
  await source.snapshot(store);
  await source.kill();
  return store;
}

/** One line to a VMM's control socket, and its answer. */
function say(vm: Vm, line: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(join(vm.folder, 'control.sock'));
    socket.on('error', reject);
    socket.once('data', (bytes) => {
      socket.destroy();
      resolve(JSON.parse(bytes.toString()));
    });
    socket.write(`${JSON.stringify(line)}\n`);
  });
}

const nic = { iface_id: 'e', host_dev_name: 'fault0' };

t.test('calls of the API fail, are late, unanswered, or the last', async (t) => {
  const store = await snapshot(t);
  const load = { snapshot_path: `${store}/state`, mem_file_path: `${store}/mem` };

  const failing = await Vm.start(t, folder(t), {
    env: faults(
      { at: 'attach', nth: 2, do: 'fail', message: 'no' },
      { at: 'load', nth: 0, do: 'delay', ms: 150 },
    ),
  });
  const start = Date.now();
  await failing.ok('PUT', '/snapshot/load', load);
  t.ok(Date.now() - start >= 150, 'late');
  await failing.ok('PUT', '/network-interfaces/e', nic);
  await failing.ok('DELETE', '/network-interfaces/e');
  t.same(
    (await failing.api('PUT', '/network-interfaces/e', nic)).answer,
    { fault_message: 'no' },
    'the second',
  );
  await failing.ok('PUT', '/network-interfaces/e', nic);

  await failing.kill();

  const ruined = await Vm.start(t, folder(t), { env: faults({ at: 'load', do: 'fail' }) });
  t.equal((await ruined.api('PUT', '/snapshot/load', load)).status, 400);
  t.same(await ruined.exit, { code: 1, signal: null }, 'a failed load is fatal as ever');

  const dropping = await Vm.start(t, folder(t), { env: faults({ at: 'resume', do: 'drop', when: 'after' }) });
  await dropping.ok('PUT', '/snapshot/load', load);
  await t.rejects(dropping.api('PATCH', '/vm', { state: 'Resumed' }), 'no answer');
  t.match(await dropping.ok('GET', '/'), { state: 'Running' }, 'but done');

  const dying = await Vm.start(t, folder(t), { env: faults({ at: 'attach', do: 'die', signal: 'SIGSEGV' }) });
  await dying.ok('PUT', '/snapshot/load', load);
  await t.rejects(dying.api('PUT', '/network-interfaces/e', nic));
  t.match(await dying.exit, { signal: 'SIGSEGV' });
  t.notMatch(host('ip -o link'), 'fault0', 'before the tap was made');
});

t.test('the agent fails in every way', async (t) => {
  const env = faults(
    { at: 'agent.guest-ping', nth: 1, do: 'error', message: 'not today' },
    { at: 'agent.guest-ping', nth: 2, do: 'garbage' },
    { at: 'agent.guest-exec', nth: 1, do: 'exit', exitCode: 7 },
    { at: 'agent.guest-sync', do: 'drop' },
    { at: 'agent.guest-info', do: 'silent' },
  );
  const vm = await Vm.start(t, folder(t), { env: { ...env, FIRECRACKER_STANDIN_CONTROL: 'control.sock' } });
  await vm.boot();
  const agent = await vm.agent();
  t.match(await agent.ask('guest-ping'), { error: { desc: 'not today' } });
  agent.socket.write('{"execute":"guest-ping"}');
  t.match(await agent.line(), /%%%/);
  t.same(await agent.do('guest-ping'), {});
  t.equal((await agent.sh('true')).code, 7);
  t.equal((await agent.sh('true')).code, 0);
  await say(vm, { faults: [{ at: 'vsock.connect', do: 'drop' }] });
  t.notOk(await Agent.connect(join(vm.folder, 'v.sock'), 200), 'a connect dropped');
  t.notOk(await agent.ask('guest-sync', { id: 1 }, 300), 'hangs up');
  const next = await vm.agent();
  t.notOk(await next.ask('guest-info', {}, 200), 'silent from here on');
  t.notOk(await next.ask('guest-ping', {}, 200));
});

t.test('faults come through the control socket, too', async (t) => {
  const vm = await Vm.start(t, folder(t), {
    env: { ...timing, FIRECRACKER_STANDIN_CONTROL: 'control.sock' },
  });
  t.match(await say(vm, { faults: [{ at: 'start', do: 'fail', message: 'later' }] }), {
    pending: [{ at: 'start' }],
  });
  await t.rejects(vm.boot(), { message: /later/ });
  await vm.ok('PUT', '/actions', { action_type: 'InstanceStart' });
  await say(vm, { faults: [{ at: 'pause', do: 'die', exitCode: 3 }] });
  t.same(await say(vm, { clear: true }), { pending: [] });
  await vm.ok('PATCH', '/vm', { state: 'Paused' });
  await say(vm, { faults: [{ at: 'api', do: 'die', exitCode: 3, ms: 10 }] });
  await t.rejects(vm.api('GET', '/'));
  t.same(await vm.exit, { code: 3, signal: null });
});

t.test('a guest that dies takes its VMM along, one that powers off ends it well', async (t) => {
  const dead = await Vm.start(t, folder(t), { env: timing });
  await dead.boot();
  await dead.agent();
  host(`pkill -KILL -P ${dead.child.pid} -x cat`);
  t.same(await dead.exit, { code: 1, signal: null });
  const off = await Vm.start(t, folder(t), { env: timing });
  await off.boot();
  (await off.agent()).socket.write('{"execute":"guest-shutdown"}');
  t.same(await off.exit, { code: 0, signal: null });
  const signalled = await Vm.start(t, folder(t), { env: timing });
  signalled.child.kill('SIGTERM');
  t.same(await signalled.exit, { code: null, signal: 'SIGTERM' }, 'at once, no handler');
});
