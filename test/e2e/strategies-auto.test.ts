import t from 'tap';
import { ThawError, type ResultOf } from '../../client/index.js';
import { startHost, type Host } from '../support/host.js';
import { addressOf, clonesOf, machine, networks, sourceWithNics, vmFolders } from './network.js';

type Plan = ResultOf<'network.plan'>;

/** The choice and what was passed over, in short. */
const choice = ({ chosen, passedOver }: Pick<Plan, 'chosen' | 'passedOver'>): string =>
  [...passedOver.map(({ strategy, reason }) => `${strategy}: ${reason}`), chosen].join(', ');

const auto = (host: Host, more: object = {}) =>
  host.client.network.plan({ snapshot: 'base', strategy: 'auto', ...more });

const refusal = (call: Promise<unknown>): Promise<ThawError | undefined> =>
  call.then(
    () => undefined,
    (error: unknown) => (error instanceof ThawError ? error : undefined),
  );

t.test('auto: a snapshot without a NIC gets one attached, or none where that can’t be', async (t) => {
  const host = await startHost(t);
  const thaw = host.client;
  await thaw.vm.boot({ name: 'source', config: machine });
  await thaw.snapshot.create({ vm: 'source', name: 'base' });
  t.equal(choice(await auto(host)), 'hot-attach');
  const restored = await thaw.snapshot.restore({ snapshot: 'base', strategy: 'auto', count: 2 });
  t.equal(choice(restored), 'hot-attach');
  for (const vm of clonesOf(restored)) t.match(vm, { strategy: 'hot-attach', word: 'ready' });

  await thaw.vm.boot({ name: 'plain', config: machine, pci: false });
  await thaw.snapshot.create({ vm: 'plain', name: 'plain' });
  const plan = await auto(host, { snapshot: 'plain' });
  t.match(choice(plan), /^hot-attach: no-pci, override: not-fit-for-strategy, .*none$/);
  t.match(plan.passedOver[0]?.message, /booted without PCI/, 'and why, in words');
  const [clone] = clonesOf(await thaw.snapshot.restore({ snapshot: 'plain', strategy: 'auto' }));
  t.strictSame(clone?.attachments, []);
  const error = await refusal(auto(host, { snapshot: 'plain', nics: [{}] }));
  t.equal(error?.reason, 'not-fit-for-strategy', 'a NIC that was asked for is not left out silently');
  for (const name of ['hot-attach', 'override', 'predictable', 'recorded', 'none'])
    t.match(error?.message, `${name}: `);
});

t.test('auto: a snapshot with its NIC gets the best that this Firecracker and this host have', async (t) => {
  const host = await startHost(t, { config: { networks } });
  const thaw = host.client;
  await sourceWithNics(host);
  const inside = 'hot-attach: not-fit-for-strategy';
  t.equal(choice(await auto(host)), `${inside}, override`);
  t.equal((await refusal(auto(host, { keepMac: true })))?.reason, 'mac-taken', 'the source has it');
  const restored = await thaw.snapshot.restore({ snapshot: 'base', strategy: 'auto', count: 2 });
  t.equal(choice(restored), `${inside}, override`);
  for (const vm of clonesOf(restored)) t.ok(await host.ping(addressOf(vm)));
});

t.test('auto: a Firecracker without overrides', async (t) => {
  const host = await startHost(t, { env: { FIRECRACKER_STANDIN_VERSION: '1.10.0' } });
  const { plugins } = await host.client.system.info();
  const netns = plugins.some(({ name }) => name === 'netns');
  await sourceWithNics(host, { snapshotId: 'new' });
  const beside = await auto(host).catch((error: unknown) => error);
  if (netns) t.match(beside, { chosen: 'netns' });
  else t.match(beside, { reason: 'not-fit-for-strategy', detail: { remedy: /stop that one/ } });
  await host.client.vm.stop({ vm: 'source' });
  const plan = await auto(host);
  t.match(choice(plan), /^hot-attach: .*, override: vmm-too-old, /);
  t.equal(plan.chosen, netns ? 'netns' : 'predictable');
  const restored = await host.client.snapshot.restore({ snapshot: 'base', strategy: 'auto' });
  t.equal(choice(restored), choice(plan));
  t.match(clonesOf(restored), [{ word: 'ready' }]);
});

t.test('a plan names NICs and steps, and makes and holds nothing', async (t) => {
  const host = await startHost(t, {
    config: { networks: { default: { bridge: 'thaw0', subnet: '10.88.0.0/29' } } },
  });
  const thaw = host.client;
  const { source } = await sourceWithNics(host);
  const leases = async () => (await thaw.network.list()).networks[0]?.leases;
  const [before, held] = [await vmFolders(host), await leases()];
  const nics = [{ address: '10.88.0.6' }];
  const wish = { snapshot: 'base', strategy: 'override' as const, nics };
  const plans = await Promise.all(Array.from({ length: 20 }, () => thaw.network.plan(wish)));
  t.match(plans[0]?.nics, [{ id: 'eth0', network: 'default', address: '10.88.0.6', mac: null, tap: null }]);
  t.equal(await leases(), held, 'of a subnet of five addresses');
  t.strictSame(await vmFolders(host), before);
  const planned = plans[0]?.steps.map(({ label }) => label);
  const [clone] = clonesOf(await thaw.snapshot.restore(wish));
  const { timelines } = await thaw.vm.timeline({ vm: clone?.id ?? '' });
  const done = timelines.at(-1)?.spans.filter(({ kind }) => kind === 'step');
  t.strictSame(
    planned,
    done?.map(({ name }) => name),
    'what was planned is what is done',
  );
  const settled = planned?.indexOf('filter eth0') ?? 0;
  t.ok(settled > (planned?.indexOf('update') ?? 99), 'the port opens after the guest’s word');
  t.match(await refusal(thaw.network.plan(wish)), { reason: 'address-taken' });
  t.match(await refusal(thaw.network.plan({ snapshot: 'base', strategy: 'recorded' })), {
    reason: 'tap-taken',
    message: new RegExp(source.attachments[0]?.tap ?? '-'),
  });
});
