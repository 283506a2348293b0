// Clones in network namespaces of their own: part of e2e:real.
import type { ParamsOf, ThawClient } from '../../client/index.js';
import { Box } from '../support/box.js';
import { Host } from '../support/host.js';
import { part, report } from './real-report.js';

/** The job on a host of its own, whose network has both families. */
export async function netnsJob(config: ParamsOf<'vm.boot'>['config']): Promise<void> {
  const box = await Box.open();
  try {
    const network = { bridge: 'thaw0', subnet: '10.209.0.0/16', subnet6: 'fd00:209::/64', dns: [] };
    const host = await Host.on(box, { config: { networks: { default: network } } });
    await job(host.client, config);
    const left = await host.leftovers();
    report('netns: nothing is left', left.length === 0, { left });
    await host.client.close();
  } finally {
    await box.close();
  }
}

/** A source with its NIC inside, two clones of it as they were, each at addresses of its own; one gets another NIC. */
async function job(thaw: ThawClient, config: ParamsOf<'vm.boot'>['config']): Promise<void> {
  const booted = await part('netns: source', () =>
    thaw.vm.boot({ name: 'carrier', config, networks: ['default'], readyTimeout: 120_000 }),
  );
  if (!booted) return;
  const taken = await part('netns: snapshot', () =>
    thaw.snapshot.create({ vm: 'carrier', name: 'carried', keepNics: true }),
  );
  const restored =
    taken &&
    (await part('netns: restore', () =>
      thaw.snapshot.restore({
        ...{ snapshot: 'carried', strategy: 'netns', names: ['delta', 'epsilon'] },
        readyTimeout: 120_000,
      }),
    ));
  const clones = restored?.clones.flatMap((clone) => (clone.ok ? [clone.vm] : [])) ?? [];
  const errors = restored?.clones.flatMap((clone) => (clone.ok ? [] : [clone.error])) ?? [];
  const addresses = [booted.vm, ...clones].flatMap((vm) => vm.attachments[0]?.addresses ?? []);
  const distinct = clones.length === 2 && new Set(addresses).size === 6;
  const [unable] = errors.filter(({ data }) => data.reason === 'translation-unsupported');
  if (unable) report('netns: not tried', true, { why: unable.message, instead: unable.data.remedy });
  else report('netns: two clones, each with addresses of both families', distinct, { addresses, errors });
  if (clones.length > 0) {
    const attached = await part('netns: attach', () =>
      thaw.network.attach({ vm: 'delta', readyTimeout: 60_000 }),
    );
    if (attached) report('netns: attach', attached.attachment.state.is === 'confirmed', attached.attachment);
    const { findings, pings } = await thaw.network.check({ ping: true });
    const answered = pings.every(({ milliseconds }) => milliseconds !== null);
    report('netns: all addresses answer', answered && findings.length === 0, { pings, findings });
  }
  for (const vm of ['carrier', ...clones.map(({ name }) => name)])
    await part(`netns: stop ${vm}`, () => thaw.vm.stop({ vm }));
  if (taken) await part('netns: delete', () => thaw.snapshot.delete({ snapshot: 'carried' }));
}
