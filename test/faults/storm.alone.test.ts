// Clients that do whatever comes to their mind, while daemon, VMMs and clients are killed: afterwards all is accounted for.
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { connect, type ThawClient } from '../../client/index.js';
import { prepareBase } from './support.js';
import { openDescriptors, remains, wrongs } from './world.js';
import { atOnce } from '../support/flow.js';
import { startHost } from '../support/host.js';
import { generator } from '../support/random.js';

const seconds = Number(process.env['THAW_STORM_SECONDS'] ?? 15);
const seed = Number(process.env['THAW_STORM_SEED'] ?? Date.now() % 2 ** 31);
/** Clients at once, and VMs that there may be: what a small machine bears. */
const [lanes, crowd] = [4, 8];

t.test(`a storm of ${seconds} s leaves nothing unaccounted for; seed ${seed}`, async (t) => {
  const config = {
    health: { intervalSeconds: 1, agentIntervalSeconds: 2 },
    reconcile: { intervalSeconds: 2 },
  };
  const host = await startHost(t, { config, env: atOnce });
  await prepareBase(host);
  const descriptors = await openDescriptors(host);
  const until = performance.now() + seconds * 1000;
  const over = (): boolean => performance.now() > until;
  const did = new Map<string, { well: number; failed: number }>();
  const faults: string[] = [];

  const act = async (name: string, what: () => Promise<unknown>): Promise<void> => {
    const count = did.get(name) ?? { well: 0, failed: 0 };
    did.set(name, count);
    try {
      await what();
      count.well += 1;
    } catch (error) {
      count.failed += 1;
      if (error instanceof Error && /A fault of thawd itself/.test(error.message))
        faults.push(`${name}: ${error.message}`);
    }
  };

  /** One client's life: it draws what it does, and whether it waits for it. */
  const lane = async (number: number): Promise<void> => {
    const random = generator(seed + number);
    while (!over()) {
      let client: ThawClient | undefined;
      try {
        client = await connect({ socket: host.socketPath });
        for (let acts = 1 + random(12); acts > 0 && !over(); acts -= 1) await one(client, random);
      } catch {
        // No daemon just now.
        await sleep(50);
      }
      // With whatever it has not waited for.
      await client?.close();
    }
  };

  const one = async (client: ThawClient, random: (below: number) => number): Promise<void> => {
    const { vms } = await client.vm.list();
    // Mostly one that is well, at times one in the middle of something, or none.
    const ready = vms.filter(({ word, warnings }) => word === 'ready' && warnings.length === 0);
    const among = random(4) > 0 && ready.length > 0 ? ready : vms;
    const vm = among[random(Math.max(1, among.length))]?.id ?? 'none';
    const options = random(5) === 0 ? { signal: AbortSignal.timeout(1 + random(120)) } : {};
    const wish = { snapshot: 'base', readyTimeout: 5_000, keepOnFailure: random(20) === 0 };
    const nics = [[], [{}], [{}, {}]][random(3)] ?? [];
    const acts: readonly [string, () => Promise<unknown>][] = [
      ['restore', () => client.snapshot.restore({ ...wish, count: 1 + random(2), nics }, options)],
      ['restore', () => client.snapshot.restore({ ...wish, count: 1 }, options)],
      ['stop', () => client.vm.stop({ vm }, options)],
      ['attach', () => client.network.attach({ vm, readyTimeout: 5_000 }, options)],
      ['detach', () => client.network.detach({ vm, attachment: `eth${random(2)}` }, options)],
      ['pause', () => client.vm.pause({ vm }, options)],
      ['resume', () => client.vm.resume({ vm }, options)],
      ['snapshot', () => client.snapshot.create({ vm, strip: random(3) > 0 }, options)],
      ['delete', () => deleteOne(client, random, options)],
      ['reconcile', () => client.system.reconcile({}, options)],
      ['gc', () => client.network.gc({}, options)],
    ];
    const [name, what] = acts[vms.length === 0 ? 0 : vms.length >= crowd ? 2 : random(acts.length)] ?? [
      '',
      () => Promise.resolve(),
    ];
    const doing = act(name, what);
    // One in six is not waited for, and its client may be gone before its answer.
    if (random(6) > 0) await doing;
  };

  const deleteOne = async (
    client: ThawClient,
    random: (below: number) => number,
    options: { signal?: AbortSignal },
  ): Promise<void> => {
    const { snapshots } = await client.snapshot.list();
    const others = snapshots.filter(({ name }) => name !== 'base');
    const snapshot = others[random(Math.max(1, others.length))];
    if (snapshot) await client.snapshot.delete({ snapshot: snapshot.id }, options);
  };

  /** Kills VMMs, and now and then the daemon. */
  const reaper = async (): Promise<void> => {
    const random = generator(seed + lanes);
    while (!over()) {
      await sleep(300 + random(900));
      const what = random(4);
      if (what === 0) {
        const signal = random(3) === 0 ? 'SIGTERM' : 'SIGKILL';
        await act(`daemon ${signal}`, () => host.restart(signal));
      } else {
        const victims = (await host.box.inmates()).filter(({ cwd }) => cwd?.includes('/vms/vm-'));
        const victim = victims[random(Math.max(1, victims.length))];
        if (victim) await act('VMM SIGKILL', () => host.signal(victim.pid, 'SIGKILL'));
      }
    }
  };

  await Promise.all([reaper(), ...Array.from({ length: lanes }, (_, number) => lane(number))]);
  const counts = [...did].map(([name, { well, failed }]) => `${name} ${well}+${failed}`).join(', ');
  process.stderr.write(`storm   ${seconds} s, seed ${seed}: done+failed ${counts}\n`);
  if (!host.alive) await host.start();

  t.strictSame(faults, [], 'whatever failed, failed with an error that tells what to do');
  for (const name of ['restore', 'stop', 'VMM SIGKILL'])
    t.ok((did.get(name)?.well ?? 0) > 0, `${name} went well at times`);
  await host.client.system.reconcile({});
  // By then each agent was asked since whatever came last, a silent one in vain: ready is what the last look saw.
  await sleep(8_000);
  // Those that are kept to be looked at are as they were when they failed.
  const { vms } = await host.client.vm.list();
  for (const { id, word } of vms) if (word === 'failed') await host.client.vm.stop({ vm: id });
  // A pause costs this Firecracker's guests their agent, and one that was paused stays so.
  const states = /is (?:degraded|paused)/;
  t.strictSame(
    (await wrongs(host)).filter((what) => !states.test(what)),
    [],
    'records, links, rules and processes agree',
  );
  for (const { id } of (await host.client.vm.list()).vms) await host.client.vm.stop({ vm: id });
  for (const { id, name } of (await host.client.snapshot.list()).snapshots)
    if (name !== 'base') await host.client.snapshot.delete({ snapshot: id });
  t.strictSame(await remains(host, descriptors + 2), [], 'and nothing is left');
  await host.client.snapshot.verify({ snapshot: 'base' });
});
