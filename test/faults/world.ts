// What must hold after whatever went wrong: every VM is ready and reachable, or gone without a trace.
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../support/host.js';
import { addressOf } from '../e2e/network.js';

/** What is not as it must be, in words; empty where all is well. */
export async function wrongs(host: Host): Promise<readonly string[]> {
  await quiet(host);
  const { client } = host;
  const { findings } = await client.system.reconcile({ dryRun: true });
  const check = await client.network.check({});
  const { vms } = await client.vm.list();
  const lost = await Promise.all(
    vms.map(async (vm) => {
      // A look that failed at a start is all that is known until the next one, and here nobody looks again (health.test.ts).
      const unseen = vm.readiness.is === 'degraded' && vm.readiness.reason === 'api-silent';
      if (vm.word !== 'ready' && !unseen)
        return [`${vm.name} is ${vm.word}: ${JSON.stringify(vm.readiness)}`];
      const address = addressOf(vm);
      const hears = await client.agent.ping({ vm: vm.id }).then(
        () => true,
        () => false,
      );
      return [
        ...(hears ? [] : [`the agent of ${vm.name} is silent`]),
        ...(address === '' || (await host.ping(address)) ? [] : [`${vm.name} is not reached at ${address}`]),
      ];
    }),
  );
  return [...findings, ...check.findings].map((one) => `${one.what}: ${one.problem}`).concat(lost.flat());
}

/** What is there although every VM was stopped. */
export async function remains(host: Host, descriptors: number): Promise<readonly string[]> {
  const { client } = host;
  const { networks } = await client.network.list();
  const leases = networks.reduce((sum, network) => sum + network.leases, 0);
  const left = await host.leftovers();
  const open = await openDescriptors(host, descriptors);
  return [
    ...left,
    ...(leases === 0 ? [] : [`${leases} leases`]),
    ...(open <= descriptors ? [] : [`${open - descriptors} descriptors more than before`]),
  ];
}

/** How many descriptors the daemon has; waits a moment for those that are about to be closed. */
export async function openDescriptors({ pid }: Host, wanted = 0): Promise<number> {
  for (let tries = 50; ; tries -= 1) {
    const count = readdirSync(`/proc/${pid}/fd`).length;
    if (count <= wanted || tries === 0 || wanted === 0) return count;
    await sleep(20);
  }
}

/** Waits until no operation is under way: who has given up has still something undone. */
export async function quiet({ client }: Host): Promise<void> {
  for (let tries = 1_500; tries > 0; tries -= 1) {
    if ((await client.system.health()).operations === 0) return;
    await sleep(20);
  }
  throw new Error('an operation does not end');
}
