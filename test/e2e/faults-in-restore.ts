// A fault at every effect of a restore, one at a time, before it and after it: what fails leaves nothing.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ParamsOf } from '../../client/index.js';
import { takeBase } from '../support/flow.js';
import { startHost, type Host } from '../support/host.js';
import { addressOf, clonesOf, networks, sourceWithNics } from './network.js';

type Test = Parameters<typeof startHost>[0] & {
  ok(value: unknown, message: string): unknown;
  strictSame(found: unknown, wanted: unknown, message: string): unknown;
};

interface Wish {
  readonly strategy: NonNullable<ParamsOf<'snapshot.restore'>['strategy']>;
  /** Whether the snapshot has its NICs inside, which is how a source is booted unless told otherwise. */
  readonly inside?: boolean;
  readonly boot?: Partial<ParamsOf<'vm.boot'>>;
  readonly nics?: ParamsOf<'snapshot.restore'>['nics'];
  readonly env?: Readonly<Record<string, string>>;
}

/** More calls than the timeline shows: some effects belong to the request, not to the clone. */
const beyond = 3;

/** Restores by a strategy as often as it has effects; each time the next of them fails. */
export async function failEverywhere(
  t: Test,
  { strategy, inside = true, boot = {}, nics, env = {} }: Wish,
): Promise<void> {
  const host = await startHost(t, { config: { networks }, env: { FIRECRACKER_STANDIN_TIMING: '0', ...env } });
  const faults = join(host.storeDir, 'faults.json');
  const inject = (list: readonly object[]) => writeFile(faults, JSON.stringify(list));
  if (inside) {
    await sourceWithNics(host, boot);
    await host.client.vm.stop({ vm: 'source' });
  } else await takeBase(host);
  await inject([]);
  await host.kill('SIGTERM');
  await host.start({ THAW_FAULTS: `@${faults}` });
  const wish = { snapshot: 'base', strategy, names: ['clone'], ping: true, ...(nics && { nics }) };

  const [clone] = clonesOf(await host.client.snapshot.restore(wish));
  const networked = clone !== undefined && clone.attachments.length > 0;
  t.ok(networked ? await host.ping(addressOf(clone)) : clone, 'without a fault it is restored');
  const counts = await effectsOf(host);
  await host.client.vm.stop({ vm: 'clone' });
  t.strictSame(await state(host), nothing, 'and leaves nothing');
  t.ok(counts.size > 5, [...counts.keys()].join(', '));

  for (const [at, count] of counts) {
    for (const when of ['before', 'after'] as const) {
      // All of the clone's own are hit once so many have failed; those of the request refuse it as a whole.
      for (let nth = 1, hit = 0; nth <= count + beyond && hit < count; nth += 1) {
        await inject([{ at, when, nth, fail: 'EIO' }]);
        const outcome = await outcomeOf(host, wish);
        await inject([]);
        const restored = outcome === 'restored';
        if (outcome === 'failed') hit += 1;
        if (restored) await host.client.vm.stop({ vm: 'clone' });
        t.strictSame(await state(host), nothing, `${when} ${at} ${nth}: ${outcome}`);
        if (restored && nth > count) break;
      }
    }
  }
}

/** How often each effect took place in the clone's restore. */
async function effectsOf(host: Host): Promise<ReadonlyMap<string, number>> {
  const { timelines } = await host.client.vm.timeline({ vm: 'clone' });
  const counts = new Map<string, number>();
  for (const { spans } of timelines)
    for (const { kind, name } of spans) if (kind === 'effect') counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

async function outcomeOf(
  host: Host,
  wish: ParamsOf<'snapshot.restore'>,
): Promise<'restored' | 'failed' | 'refused'> {
  return host.client.snapshot.restore(wish).then(
    ({ clones }) => (clones.every(({ ok }) => ok) ? 'restored' : 'failed'),
    () => 'refused',
  );
}

const nothing = { findings: [], vms: [], leases: 0, left: [] };

async function state(host: Host): Promise<typeof nothing | object> {
  const { findings } = await host.client.network.check({});
  const { vms } = await host.client.vm.list();
  const all = await host.client.network.list();
  const leases = all.networks.reduce((sum, network) => sum + network.leases, 0);
  return {
    findings,
    vms: vms.map(({ name, word }) => `${name} ${word}`),
    leases,
    left: await host.leftovers(),
  };
}
