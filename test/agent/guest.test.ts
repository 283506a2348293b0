import { execFileSync } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { AgentChannel } from '../../daemon/agent/channel.js';
import qemuGa from '../../plugins/agent/qemu-ga.js';
import type { UpdateWish } from '../../plugins/contract.js';
import { ownNamespace } from '../plugins/network/own-namespace.js';
import { boot, cx, failure, folder, start, stayAlive, upTo, type Started } from '../vmm/support.js';

// Guests of the stand-in: real links, real shells, an agent of its own.
ownNamespace();
stayAlive(t);

const host = { cx, storeDir: '/nonexistent', runDir: '/nonexistent', log: () => undefined };
const dialect = await qemuGa.start(host, qemuGa.config.parse({ nicWait: 15_000 }));

interface Guest extends Started {
  readonly agent: AgentChannel;
}

async function guest(t: Test, env: Record<string, string> = {}): Promise<Guest> {
  const vm = await start(t, env);
  const { process, dir } = vm;
  const socketPath = `${dir}/v.sock`;
  // A busy machine is slow, not silent.
  const patience = { accept: 1_000, hello: 10_000 };
  const agent = new AgentChannel({
    vm: process.vm,
    to: () => ({ via: 'vsock', path: socketPath, port: 1024 }),
    dialect,
    process,
    patience,
  });
  t.teardown(() => agent.close());
  return { ...vm, agent };
}

let taps = 0;

function tap(): string {
  const name = `agtap${(taps += 1)}`;
  execFileSync('sh', ['-c', `ip tuntap add ${name} mode tap && ip link set ${name} up`]);
  return name;
}

interface Files {
  readonly state: string;
  readonly mem: string;
}

async function snapshot(t: Test, source: Guest): Promise<Files> {
  await source.agent.hello(cx);
  await source.agent.disconnect(cx);
  await source.api.pause(cx);
  const store = folder(t);
  const files = { state: `${store}/state`, mem: `${store}/mem` };
  await source.api.createSnapshot(files, cx);
  return files;
}

const macOf = (n: number): string => `02:00:00:00:00:0${n}`;

function wishFor(n: number, over: Partial<UpdateWish> = {}): UpdateWish {
  return {
    rescan: true,
    parts: ['clock', 'network', 'hostname', 'machine-id', 'randomness', 'identity', 'scripts'],
    identity: {
      vm: `vm-${n}`,
      hostname: `clone-${n}`,
      machineId: String(n).repeat(32),
      nics: [{ mac: macOf(n), addresses: [`10.77.${n}.2/24`], gateway: `10.77.${n}.1`, mtu: 1400 }],
      dns: ['10.77.0.1'],
      entropy: `${n}f`.repeat(64),
      document: { vm: `vm-${n}`, generation: 1 },
    },
    ...over,
  };
}

t.test('two clones of one snapshot become two machines', async (t) => {
  const source = await guest(t);
  await boot(source);
  const files = await snapshot(t, source);
  const clones = await Promise.all([1, 2].map(() => guest(t)));
  const answers = await Promise.all(
    clones.map(async ({ api, agent }, index) => {
      const n = index + 1;
      await api.loadSnapshot(files, cx);
      await api.putNic({ id: 'eth0', tap: tap(), mac: macOf(n) }, cx);
      await agent.preconnect(cx);
      await api.resume(cx);
      return await agent.update(wishFor(n), cx);
    }),
  );
  for (const [index, answer] of answers.entries()) {
    const n = index + 1;
    t.equal(answer.hostname, `clone-${n}`);
    t.equal(answer.machineId, String(n).repeat(32));
    t.ok(answer.interfaces[macOf(n)], 'it names its NIC');
    for (const part of ['network', 'hostname', 'machine-id', 'identity']) {
      t.equal(answer.parts[part]?.is, 'done', `${part}: ${answer.parts[part]?.reason ?? ''}`);
    }
    t.match(answer.parts['clock']?.is, /^(done|unchanged)$/);
    t.match(answer.parts['randomness']?.is, /^(done|unsupported|failed)$/);
  }
  const [first] = clones;
  const again = await first!.agent.update(wishFor(1), cx);
  for (const part of ['network', 'hostname', 'machine-id', 'identity']) {
    t.equal(again.parts[part]?.is, 'unchanged', part);
  }
  // Unchanged but on a machine so busy that the update came late.
  t.match(again.parts['clock']?.is, /^(done|unchanged)$/);

  await first!.agent.prepareDetach(macOf(1), cx);
  await first!.api.deleteNic('eth0', cx);
  await first!.api.putNic({ id: 'eth1', tap: tap(), mac: macOf(3) }, cx);
  const dead = await first!.agent.update(wishFor(3, { parts: ['network'] }), cx);
  t.equal(dead.parts['network']?.is, 'failed', 'a NIC after an unplug is dead');
  t.match(dead.parts['network']?.reason, /^probe failed/);
});

t.test(
  'a snapshot taken with an open conversation makes deaf clones, one after hanging up does not',
  async (t) => {
    const source = await guest(t);
    await boot(source);
    await source.agent.hello(cx);
    await source.api.pause(cx);
    const store = folder(t);
    const files = { state: `${store}/state`, mem: `${store}/mem` };
    await source.api.createSnapshot(files, cx);
    const clone = await guest(t);
    await clone.api.loadSnapshot(files, cx);
    await clone.api.resume(cx);
    const got = await failure(clone.agent.ping(upTo(1_500)));
    t.equal(got.reason, 'agent-silent');
    t.match(got.message, 'accepted the connection and then said nothing');

    await source.api.resume(cx);
    const good = await snapshot(t, source);
    const second = await guest(t);
    await second.api.loadSnapshot(good, cx);
    await second.agent.preconnect(cx);
    await second.api.resume(cx);
    t.ok((await second.agent.hello(upTo(20_000))).version);
  },
);

t.test('the guest dies while its agent is awaited', async (t) => {
  const source = await guest(t);
  await boot(source);
  await source.agent.hello(cx);
  await source.api.pause(cx);
  const waiting = failure(source.agent.ping(cx));
  await wait(50);
  process.kill(source.process.pid, 'SIGKILL');
  const got = await waiting;
  t.equal(got.reason, 'vmm-died');
  t.match(got.message, 'killed by SIGKILL');
});

t.test('an agent of another kind, or one that is switched off, is told by its fault', async (t) => {
  const faults = [
    { at: 'agent.guest-exec', nth: 0, do: 'error', message: 'Command guest-exec has been disabled' },
  ];
  const refusing = await guest(t, { FIRECRACKER_STANDIN_FAULTS: JSON.stringify(faults) });
  await boot(refusing);
  const got = await failure(refusing.agent.update(wishFor(1, { rescan: false }), upTo(20_000)));
  t.equal(got.reason, 'agent-refused', 'whatever its words');

  const garbage = [{ at: 'agent', nth: 0, do: 'garbage' }];
  const strange = await guest(t, { FIRECRACKER_STANDIN_FAULTS: JSON.stringify(garbage) });
  await boot(strange);
  t.match((await failure(strange.agent.ping(upTo(2_000)))).reason, /^agent-(garbled|silent)$/);
});
