import t from 'tap';
import { hostWithBase, outcomes, stopAll } from '../support/flow.js';

t.test(
  '64 clones asked for at once: 64 are ready, each with an identity of its own, and all can be pinged',
  async (t) => {
    const { host } = await hostWithBase(t);
    const { clones } = await host.client.snapshot.restore({
      snapshot: 'base',
      count: 64,
      readyTimeout: 120_000,
    });
    t.strictSame(
      outcomes(clones),
      Array.from({ length: 64 }, () => 'ready'),
    );
    const nics = clones.flatMap((clone) => (clone.ok ? clone.vm.attachments : []));
    for (const what of ['tap', 'mac', 'addresses'] as const) {
      t.equal(new Set(nics.map((nic) => String(nic[what]))).size, 64, what);
    }
    const { pings, findings } = await host.client.network.check({ ping: true });
    t.equal(pings.filter(({ milliseconds }) => milliseconds !== null).length, 64);
    t.strictSame(findings, []);
    await stopAll(host);
    t.strictSame(await host.leftovers(), []);
  },
);
