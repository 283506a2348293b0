import { once } from 'node:events';
import { rename } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { ResultOf } from '../../client/index.js';
import { eventually, hostWithBase, only, type Vm } from '../support/flow.js';
import type { Host } from '../support/host.js';

const often = { health: { intervalSeconds: 1, agentIntervalSeconds: 1 } };
const { host } = await hostWithBase(t, { config: often });
const restore = async (name: string, on: Host = host) =>
  only((await on.client.snapshot.restore({ snapshot: 'base', names: [name] })).clones);
const look = async (name: string, on: Host = host) => (await on.client.vm.get({ vm: name })).vm;
const until = (name: string, word: Vm['word']) =>
  eventually(`${name} to be ${word}`, async () => {
    const vm = await look(name);
    return vm.word === word ? vm : undefined;
  });
const pidOf = ({ process }: Vm): number => {
  if (process.is !== 'alive' || process.pid === null) throw new TypeError(`its process is ${process.is}`);
  return process.pid;
};

/** Asks Firecracker itself, as somebody who does not go through thawd. */
async function patchVm(socketPath: string, body: object): Promise<void> {
  const text = JSON.stringify(body);
  const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) };
  const asked = request({ socketPath, path: '/vm', method: 'PATCH', headers });
  asked.end(text);
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  answer.resume();
  if (answer.statusCode !== 204) throw new TypeError(`PATCH /vm: ${answer.statusCode}`);
}

interface Told {
  readonly type: string;
  readonly vm: string | null;
  readonly detail?: unknown;
}

/** What is told of a VM from now on. */
async function listen(vm: string): Promise<{ told: Told[]; stop: () => Promise<void> }> {
  const abort = new AbortController();
  const told: Told[] = [];
  const events = host.client.events({ signal: abort.signal });
  await events.next();
  const reading = (async () => {
    for await (const item of events) {
      if (item.kind === 'event' && item.event.vm === vm) told.push(item.event);
    }
  })();
  return {
    told,
    stop: async () => {
      abort.abort();
      await reading;
    },
  };
}

t.test('a VMM that lives and does not answer is degraded, and ready again when it answers', async (t) => {
  const vm = await restore('stopped');
  const { told, stop } = await listen(vm.id);
  await host.signal(pidOf(vm), 'SIGSTOP');
  const degraded = await until('stopped', 'degraded');
  t.match(degraded.readiness, { is: 'degraded', reason: 'api-silent', remedy: /./ });
  await host.signal(pidOf(vm), 'SIGCONT');
  t.match(await until('stopped', 'ready'), { power: { is: 'running' } });
  await eventually('the event', () => (told.some(({ type }) => type === 'vm.ready') ? true : undefined));
  t.match(told[0], { type: 'vm.degraded', detail: { name: 'stopped', reason: 'api-silent' } });
  t.equal(told.filter(({ type }) => type === 'vm.degraded').length, 1, 'told once, not at every look');
  await stop();
  await host.client.vm.stop({ vm: 'stopped' });
});

t.test('an agent that is not reached is told as that, and the VM is ready again when it is', async (t) => {
  const vm = await restore('mute');
  const socket = join(vm.dir, 'v.sock');
  const { told, stop } = await listen(vm.id);
  await rename(socket, `${socket}.away`);
  t.match((await until('mute', 'degraded')).readiness, { reason: 'agent-unreachable' });
  await rename(`${socket}.away`, socket);
  await until('mute', 'ready');
  await eventually('the event', () => (told.some(({ type }) => type === 'vm.ready') ? true : undefined));
  t.match(told, [{ type: 'vm.degraded', detail: { reason: 'agent-unreachable' } }, { type: 'vm.ready' }]);
  await stop();
  await host.client.vm.stop({ vm: 'mute' });
});

t.test('a paused VM is not asked for its agent, and what somebody else pauses is seen', async (t) => {
  const vm = await restore('held');
  const ask = (state: string) => patchVm(join(vm.dir, 'api.sock'), { state });
  await ask('Paused');
  await until('held', 'paused');
  await sleep(2_500);
  t.match((await look('held')).readiness, { is: 'ready' }, 'two looks later');
  await ask('Resumed');
  await until('held', 'ready');
  await host.client.vm.stop({ vm: 'held' });
});

t.test('clones of snapshots that are taken while agents are being asked answer', async (t) => {
  await restore('asked');
  for (const name of ['s1', 's2', 's3']) {
    await host.client.snapshot.create({ vm: 'asked', name, keepNics: true });
    const { clones } = await host.client.snapshot.restore({ snapshot: name, strategy: 'override' });
    t.equal(only(clones).word, 'ready', name);
    await sleep(300);
  }
  t.equal((await look('asked')).word, 'ready');
  for (const { name } of (await host.client.vm.list()).vms) await host.client.vm.stop({ vm: name });
  t.strictSame(await host.leftovers(), []);
});

t.test('how a VMM ended that this daemon did not start is not known, and not made up', async (t) => {
  const vm = await restore('adopted');
  await host.restart();
  const { told, stop } = await listen(vm.id);
  await host.signal(pidOf(vm), 'SIGKILL');
  await eventually('its end', () => (told.some(({ type }) => type === 'vm.removed') ? true : undefined));
  t.match(
    told.find(({ type }) => type === 'vm.stopped'),
    { detail: { exit: { code: null, signal: null } } },
  );
  t.notOk(
    told.some(({ type }) => type === 'vm.degraded'),
    'one that ends is not called degraded first',
  );
  await stop();
  t.strictSame(await host.leftovers(), []);
});

t.test('with intervals of 0 nobody is asked', async (t) => {
  const { host: quiet } = await hostWithBase(t, {
    config: { health: { intervalSeconds: 0, agentIntervalSeconds: 0 } },
  });
  const vm: ResultOf<'vm.get'>['vm'] = await restore('left', quiet);
  await quiet.signal(pidOf(vm), 'SIGSTOP');
  await sleep(4_000);
  t.equal((await look('left', quiet)).word, 'ready');
  await quiet.signal(pidOf(vm), 'SIGCONT');
  await quiet.client.vm.stop({ vm: 'left' });
});
