import { join } from 'node:path';
import t from 'tap';
import {
  again,
  atOnce,
  eventually,
  failureOf,
  hostWithBase,
  machine,
  only,
  outcomes,
  stopAll,
  takeBase,
  whyNot,
} from '../support/flow.js';
import { startHost } from '../support/host.js';

const { host, vmms } = await hostWithBase(t);
const restore = async (names?: string[], readyTimeout = 20_000) => {
  const wish = names === undefined ? {} : { names };
  return (await host.client.snapshot.restore({ snapshot: 'base', ...wish, readyTimeout })).clones;
};
const leases = async () => (await host.client.network.list()).networks[0]?.leases;

t.test('a snapshot that does not exist is named', async (t) => {
  t.match(await failureOf(host.client.snapshot.restore({ snapshot: 'no-such' })), {
    code: 3001,
    message: /no-such/,
    detail: { reason: 'snapshot-unknown', retryable: false, remedy: /thaw snapshot ls/ },
  });
  t.match(await failureOf(host.client.snapshot.restore({ snapshot: 'bsae' })), {
    message: 'There is no snapshot bsae. Did you mean base?',
    detail: { near: 'base', snapshot: 'bsae' },
  });
  t.strictSame(await host.leftovers(), []);
});

t.test('a name that is taken stays with the VM that has it', async (t) => {
  const first = only(await restore(['twin']));
  const taken = { reason: 'name-taken', operation: /^op-/, by: first.id };
  t.match(whyNot(await restore(['twin'])), { code: 2002, data: taken });
  t.match((await failureOf(host.client.vm.boot({ name: 'twin', config: machine() }))).detail, taken);
  t.equal((await host.client.vm.get({ vm: 'twin' })).vm.id, first.id);
  t.match(await failureOf(host.client.vm.get({ vm: 'twni' })), { message: /Did you mean twin\?/ });
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('of two restores under one name at the same time one comes to be', async (t) => {
  const both = await Promise.all([restore(['one']), restore(['one'])]);
  t.strictSame(both.flatMap(outcomes).sort(), ['name-taken', 'ready']);
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('a network that is not configured is refused with those that are', async (t) => {
  const nics = [{ network: 'nowhere' }];
  const { clones } = await host.client.snapshot.restore({ snapshot: 'base', nics });
  t.match(whyNot(clones), { code: 3101, data: { reason: 'network-unknown', known: ['default'] } });
  t.strictSame(await host.leftovers(), []);
});

const deaths = [
  ['while it loads', 'load', 'before'],
  ['after the load', 'load', 'after'],
  ['while a NIC is attached', 'attach', 'before'],
  ['after a NIC was attached', 'attach', 'after'],
  ['after it has resumed', 'resume', 'after'],
] as const;
for (const [when, at, edge] of deaths) {
  t.test(`a VMM that dies ${when} is told with its exit code, and leaves nothing`, async (t) => {
    vmms.fail({ at, do: 'die', when: edge, exitCode: 42 });
    const error = whyNot(await restore(['mortal']));
    t.match(error, { code: 2102, data: { reason: 'vmm-died', exit: /42/, operation: /^op-/ } });
    t.strictSame((await host.client.vm.list()).vms, []);
    t.equal(await leases(), 0);
    t.strictSame(await host.leftovers(), []);
  });
}

t.test('a VMM that is killed while the guest is told who it is ends the restore at once', async (t) => {
  vmms.fail({ at: 'agent.guest-exec', do: 'die', signal: 'SIGKILL' });
  const error = whyNot(await restore(['mortal'], 600_000));
  t.match(
    error,
    { data: { reason: 'vmm-died', exit: /SIGKILL/ } },
    'not after the ten minutes for the guest',
  );
  t.strictSame(await host.leftovers(), []);
});

t.test('a Firecracker that refuses is quoted', async (t) => {
  vmms.fail({ at: 'attach', do: 'fail', message: 'no such luck' });
  t.match(whyNot(await restore()), { code: 2103, data: { reason: 'vmm-refused', fault: /no such luck/ } });
  t.strictSame(await host.leftovers(), []);
});

t.test('a guest that says nothing is told as that, after the time asked for', async (t) => {
  vmms.fail({ at: 'agent', nth: 0, do: 'silent' });
  const data = { reason: 'agent-silent', retryable: true, why: /said nothing/ };
  t.match(whyNot(await restore(['mute'], 700)), { code: 3201, data });
  t.strictSame(await host.leftovers(), []);
});

t.test('a guest in which no NIC appears says so', async (t) => {
  vmms.say({ FIRECRACKER_STANDIN_TIMING: JSON.stringify({ boot: 0, rescan: 600_000 }) });
  const error = whyNot(await restore());
  const data = { reason: 'update-failed', part: 'network', why: /no NIC appeared/ };
  t.match(error, { code: 3203, data });
  const { operation } = error.data as { operation?: string };
  const { timelines } = await host.client.vm.timeline({ operation: operation ?? 'op-none' });
  t.match(timelines, [{ outcome: 'undone', error: { reason: 'update-failed' } }]);
  t.strictSame(await host.leftovers(), []);
});

t.test('an agent that refuses to run programs is quoted', async (t) => {
  vmms.fail({ at: 'agent.guest-exec', nth: 0, do: 'error', message: 'The command is disabled' });
  t.match(whyNot(await restore()), { code: 3204, data: { reason: 'agent-refused', said: /disabled/ } });
  t.strictSame(await host.leftovers(), []);
});

t.test('an agent that talks nonsense is not waited for to the end', async (t) => {
  vmms.fail({ at: 'agent.guest-exec', nth: 0, do: 'garbage' });
  t.match(whyNot(await restore(['noise'], 600_000)), { code: 3205, data: { reason: 'agent-garbled' } });
  t.strictSame(await host.leftovers(), []);
  vmms.fail();
});

t.test('a clone whose tap can’t be made fails alone, and leaves nothing', async (t) => {
  await again(host, { at: 'tap.create', nth: 2, fail: 'EBUSY' });
  const { clones } = await host.client.snapshot.restore({ snapshot: 'base', count: 3 });
  t.strictSame(outcomes(clones).sort(), ['ready', 'ready', 'system-call-failed']);
  t.match(
    clones.find((clone) => !clone.ok),
    { name: /^base-/ },
    'it is told by name',
  );
  const ready = clones.flatMap((clone) => (clone.ok ? [clone.vm.name] : []));
  t.strictSame((await host.client.vm.list()).vms.map((vm) => vm.name).sort(), ready.sort());
  const { findings, pings } = await host.client.network.check({ ping: true });
  t.strictSame(findings, []);
  t.equal(pings.filter(({ milliseconds }) => milliseconds !== null).length, 2, 'the others answer');
  t.equal(await leases(), 2, 'its address is free again');
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('a tap that somebody else has opened is named', async (t) => {
  // Opened between our look at it and Firecracker's call.
  await again(host, { at: 'vmm.attach', delay: 1_500 });
  const restoring = restore(['robbed']);
  await eventually('the attach', async () => {
    const { vms } = await host.client.vm.list();
    return vms[0]?.operation?.step === 'nic eth0' ? true : undefined;
  });
  const { vms } = await host.client.vm.list();
  const tap = vms[0]?.attachments[0]?.tap ?? '';
  const thief = host.exec(process.execPath, join(import.meta.dirname, 'open-tap.program.js'), tap, '3000');
  t.match(whyNot(await restoring), { code: 3105, data: { reason: 'tap-busy', retryable: true, tap } });
  await thief;
  t.strictSame(await host.leftovers(), []);
});

t.test('a connection that is given up once it is open keeps no later one from the agent', async (t) => {
  await again(host, { at: 'agent.connect', when: 'after', fail: 'EIO', nth: 1 });
  const vm = only(await restore(['patient'], 8_000));
  await host.client.agent.ping({ vm: vm.id });
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('more clones than the network has addresses: those that fit come to be', async (t) => {
  const networks = { default: { bridge: 'thaw0', subnet: '10.99.0.0/29', dns: [] } };
  const small = await startHost(t, { config: { networks }, env: atOnce });
  await takeBase(small);
  const { clones } = await small.client.snapshot.restore({ snapshot: 'base', count: 7 });
  const fit = Array.from({ length: 5 }, () => 'ready');
  t.strictSame(outcomes(clones).sort(), [...fit, 'subnet-exhausted', 'subnet-exhausted']);
  const data = { retryable: true, network: 'default', remedy: /./ };
  t.match(
    clones.find((clone) => !clone.ok),
    { error: { code: 3102, data } },
  );
  await stopAll(small);
  t.strictSame(await small.leftovers(), []);
});
