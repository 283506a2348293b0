import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { eventually, hostWithBase, machine, only, outcomes, pidOf, stopAll } from '../support/flow.js';

const { host, vmms } = await hostWithBase(t, {
  config: {
    slots: { size: 2 },
    networks: {
      default: { bridge: 'thaw0', subnet: '10.90.0.0/24', dns: [] },
      second: { bridge: 'thaw1', subnet: '10.91.0.0/24', dns: [] },
    },
  },
});
const full = (size = 2) =>
  eventually(`${size} slots`, async () =>
    (await host.client.system.health()).slots === size ? true : undefined,
  );
const restore = async (more: object = {}) =>
  (await host.client.snapshot.restore({ snapshot: 'base', ...more })).clones;
const spawned = async (vm: string) => {
  const { timelines } = await host.client.vm.timeline({ vm });
  const of = timelines.find(({ method }) => method === 'snapshot.restore');
  return of?.spans.some(({ name }) => name === 'process.spawn') ?? null;
};
/** The VMMs of slots: those that no VM has. */
const slotPids = async () => {
  const known = new Set((await host.client.vm.list()).vms.map((vm) => pidOf(vm)));
  const vmm = (await host.box.inmates()).filter(({ cwd }) => cwd?.includes('/vms/vm-'));
  return vmm.map(({ pid }) => pid).filter((pid) => !known.has(pid));
};

t.test(
  'a slot is nobody’s VM, and a restore takes one: it starts no process, and the slot is made again',
  async (t) => {
    await full();
    t.strictSame((await host.client.vm.list()).vms, []);
    t.match(await host.client.system.health(), { vms: 0 });
    const clone = only(await restore({ names: ['warm'] }));
    t.equal(clone.word, 'ready');
    t.equal(await spawned('warm'), false);
    await full();
    await stopAll(host);
  },
);

t.test('a burst beyond the slots makes what it needs itself', async (t) => {
  await full();
  t.strictSame(
    outcomes(await restore({ count: 5 })),
    Array.from({ length: 5 }, () => 'ready'),
  );
  const { pings } = await host.client.network.check({ ping: true });
  t.equal(pings.filter(({ milliseconds }) => milliseconds !== null).length, 5);
  await full();
  await stopAll(host);
});

t.test(
  'a slot does not stand in the way of the address that it holds, nor serve another network',
  async (t) => {
    await full();
    const asked = only(await restore({ names: ['first'], nics: [{ address: '10.90.0.2' }] }));
    t.strictSame(asked.attachments[0]?.addresses, ['10.90.0.2/24']);
    const other = only(await restore({ names: ['other'], nics: [{ network: 'second' }] }));
    t.equal(other.attachments[0]?.network, 'second');
    const two = only(await restore({ names: ['two'], nics: [{}, { network: 'second' }] }));
    t.equal(two.attachments.length, 2);
    await stopAll(host);
  },
);

t.test('an address that only a slot holds is anybody’s who asks for it by name', async (t) => {
  const leasesOf = async (network: string) =>
    (await host.client.network.list()).networks.find(({ name }) => name === network)?.leases;
  await full();
  const slots = await slotAddresses();
  const slotted = slots[0] ?? '';
  const plan = { snapshot: 'base', nics: [{ address: slotted }, { network: 'second' }] };
  const leases = await leasesOf('default');
  t.match(await host.client.network.plan(plan), { nics: [{ address: slotted }, {}] });
  t.strictSame(await slotAddresses(), slots, 'a plan takes no slot’s place');
  t.equal(await leasesOf('default'), leases, 'and they hold what they held');
  const clone = only(await restore({ names: ['two'], nics: plan.nics }));
  t.strictSame(clone.attachments[0]?.addresses, [`${slotted}/24`], 'beside another NIC');
  await full();
  const next = (await slotAddresses())[0] ?? '';
  const { attachment } = await host.client.network.attach({ vm: 'two', nic: { address: next } });
  t.strictSame(attachment.addresses, [`${next}/24`], 'at an attach');
  const { pings } = await host.client.network.check({ vm: 'two', ping: true });
  t.strictSame(
    pings.filter(({ milliseconds }) => milliseconds === null),
    [],
  );
  await stopAll(host);
  t.ok(((await leasesOf('default')) ?? 9) <= 2, 'none but those of slots are held');
});

/** The addresses that slots hold, as their records say. */
async function slotAddresses(): Promise<readonly string[]> {
  const dir = join(host.runDir, 'records');
  const records = await Promise.all((await readdir(dir)).map((name) => readFile(join(dir, name), 'utf8')));
  return records.flatMap((text) => {
    const record = JSON.parse(text) as {
      name: string | null;
      steps: { kind: string; addresses?: string[] }[];
    };
    if (record.name !== null) return [];
    const leases = record.steps.filter(({ kind }) => kind === 'lease');
    return leases.flatMap(({ addresses = [] }) => addresses.map((one) => one.split('/')[0] ?? ''));
  });
}

/** Kills the slots' VMMs and waits until others have taken their places. */
async function renewed(): Promise<void> {
  await full();
  const before = await slotPids();
  await Promise.all(before.map((pid) => host.signal(pid, 'SIGKILL')));
  await eventually('new slots', async () => {
    const fresh = (await slotPids()).filter((pid) => !before.includes(pid));
    return fresh.length === 2 && (await host.client.system.health()).slots === 2 ? true : undefined;
  });
}

t.test('a slot whose VMM was killed is replaced', async (t) => {
  await renewed();
  t.equal(only(await restore({ names: ['warm'] })).word, 'ready');
  t.equal(await spawned('warm'), false);
  await stopAll(host);
});

t.test('a restore that fails in a slot’s VMM leaves nothing of it', async (t) => {
  vmms.fail({ at: 'attach', do: 'fail', message: 'no' });
  await renewed();
  t.strictSame(outcomes(await restore({ names: ['failing'] })), ['vmm-refused']);
  vmms.fail();
  t.strictSame((await host.client.vm.list()).vms, []);
  await renewed();
});

t.test('events tell nothing of slots', async (t) => {
  const events = host.client.events();
  await events.next();
  await full();
  const clone = only(await restore({ names: ['seen'] }));
  await full();
  await stopAll(host);
  const about: (string | null)[] = [];
  for await (const item of events) {
    if (item.kind !== 'event') continue;
    about.push(item.event.vm);
    if (item.event.type === 'vm.removed') break;
  }
  t.strictSame([...new Set(about)], [clone.id]);
});

t.test('slots go with the daemon, killed or not; VMs stay', async (t) => {
  await host.client.vm.boot({ name: 'source', config: machine() });
  await full();
  await host.kill('SIGTERM');
  t.equal(
    (await host.box.inmates()).filter(({ cwd }) => cwd?.includes('/vms/vm-')).length > 0,
    true,
    'the source lives',
  );
  await host.start();
  await full();
  await host.restart('SIGKILL');
  await full();
  t.strictSame(
    (await host.client.vm.list()).vms.map((vm) => vm.name),
    ['source'],
  );
  await stopAll(host);
  await host.kill('SIGTERM');
  t.strictSame(
    (await host.leftovers()).filter((thing) => !thing.startsWith('process')),
    [],
  );
});
