import t from 'tap';
import { failureOf, only, outcomes, stopAll, whyNot, type Vm } from '../support/flow.js';
import { startHost } from '../support/host.js';
import { inGuests, linux, onQemu } from '../support/linux-guest.js';

const host = await startHost(t, { env: onQemu });
const look = async (vm: string): Promise<Vm> => (await host.client.vm.get({ vm })).vm;

/** What a look into a guest finds wrong, by the names of the checks. */
async function problems(vm: string): Promise<Record<string, string>> {
  const { diagnoses } = await host.client.agent.check({ vm });
  const bad = diagnoses.filter(({ level }) => level === 'problem');
  return Object.fromEntries(bad.map(({ check, found }) => [check, found]));
}

await host.client.vm.boot({ name: 'source', config: linux() });

t.test(
  'a kernel without the NIC’s driver: seen in the source, and why no clone of it gets a network',
  async (t) => {
    t.strictSame(await problems('source'), {});
    await inGuests(host, [await look('source')], 'rmmod virtio_net');
    t.match(Object.keys(await problems('source')), ['virtio_net']);
    await host.client.snapshot.create({ vm: 'source', name: 'driverless' });
    const error = whyNot((await host.client.snapshot.restore({ snapshot: 'driverless' })).clones);
    t.match(error.data, { reason: 'update-failed', part: 'network', why: /no driver: .* no virtio_net/ });
    t.strictSame(
      (await host.client.vm.list()).vms.map(({ name }) => name),
      ['source'],
      'it is undone',
    );
    const { clones } = await host.client.snapshot.restore({ snapshot: 'driverless', strategy: 'none' });
    t.strictSame(outcomes(clones), ['ready'], 'without a network it is one');
    await inGuests(host, [await look('source')], 'insmod /lib/modules/virtio_net.ko');
  },
);

t.test('an /etc that can’t be written any more degrades a clone, and does no more', async (t) => {
  await host.client.snapshot.create({ vm: 'source', name: 'base' });
  const clone = only((await host.client.snapshot.restore({ snapshot: 'base', names: ['stiff'] })).clones);
  await inGuests(host, [clone], 'mount -t tmpfs -o ro tmpfs /etc');
  t.match(await problems('stiff'), { files: /\/etc/ });
  t.match(await failureOf(host.client.agent.update({ vm: 'stiff' })), { reason: 'update-failed' });
  const { word, readiness } = await look('stiff');
  t.match({ word, readiness }, { word: /^degraded/, readiness: { is: 'degraded' } });
  await inGuests(host, [clone], 'umount /etc');
  await host.client.agent.update({ vm: 'stiff' });
  t.equal((await look('stiff')).word, 'ready');
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});
