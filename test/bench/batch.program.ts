// Measures in the network namespace that it is started in, and prints the figures as JSON.
import { Route } from '../../plugins/network/effects/route.js';
import { closeTap, openTap, persist } from '../../plugins/network/effects/tun.js';
import { changeLink, isolatePort, noLinkLocal } from '../../plugins/network/netlink/link-requests.js';
import type { Grant } from '../../plugins/contract.js';
import { attach, cx, detach, sh, startFabric, vm } from '../plugins/network/fixture.js';
import type { BatchBench } from './batch.js';
import { byTools, timed } from './own-network.js';
import { median, rounded } from './stats.js';

const attachments = 256;
const few = 10;
const many = 1_000;
const rounds = Number(process.argv[2] ?? 5);

// A bridge has 1,023 ports: the thousand and those that are measured are in two.
const fabric = await startFabric({
  default: { bridge: 'thaw0', subnet: '10.209.0.0/16' },
  full: { bridge: 'thaw1', subnet: '10.210.0.0/16' },
});
let next = 0;
const grantsOf = (count: number, network = 'default') =>
  Array.from({ length: count }, () => fabric.grant({ vm: vm((next += 1)), nic: 'eth0', network }));

/** As slots are filled: all in one go, then each step finds its part made. */
async function batch(grants: readonly Grant[]): Promise<void> {
  await fabric.prepare(
    grants.flatMap((grant) => fabric.stepsFor(grant)),
    cx,
  );
  for (const grant of grants) await attach(fabric, grant);
}
const gone = (grants: readonly Grant[]) => Promise.all(grants.map((grant) => detach(fabric, grant)));

async function measured(make: (grants: readonly Grant[]) => Promise<void>, count: number): Promise<number> {
  const grants = grantsOf(count);
  const each = await timed(count, () => make(grants));
  await gone(grants);
  return each;
}
const singly = async (grants: readonly Grant[]) => {
  for (const grant of grants) await attach(fabric, grant);
};

/** What the kernel takes for the taps of a batch, nothing else: every message that they need, in as few calls as can be. */
async function bareTaps(count: number): Promise<number> {
  const names = Array.from({ length: count }, (_, n) => `bare${n}`);
  const route = new Route();
  const master = route.link('thaw0')?.index ?? 0;
  const group = 77;
  const marks = names.map((name) => changeLink(name, { alias: 'bare', group, mtu: 1500 }));
  const ports = names.flatMap((name) => [
    noLinkLocal(name),
    changeLink(name, { master }),
    isolatePort(name, true),
    changeLink(name, { up: true }),
  ]);
  const each = await timed(count, () => {
    const taps = names.flatMap((name) => {
      const tap = openTap(name, true);
      return typeof tap === 'object' ? [tap] : [];
    });
    route.change('marking taps', marks);
    for (const tap of taps) persist(tap, true);
    for (const tap of taps) closeTap(tap);
    route.change('setting up taps', ports);
  });
  route.close();
  sh(`ip link del group ${group}`);
  return each;
}

const all: Record<'batch' | 'singly' | 'tap' | 'tools' | 'atFew' | 'atMany' | 'process', number[]> = {
  ...{ batch: [], singly: [], tap: [], tools: [] },
  ...{ atFew: [], atMany: [], process: [] },
};
for (let round = 0; round < rounds; round += 1) {
  all.batch.push(await measured(batch, attachments));
  all.singly.push(await measured(singly, attachments));
  all.tap.push(await bareTaps(attachments));
  const names = Array.from({ length: 16 }, (_, n) => `tool${n}`);
  all.tools.push(await timed(names.length, () => names.forEach(byTools)));
  for (const name of names) sh(`nft delete element bridge thaw open '{ "${name}" }'; ip link del ${name}`);
  all.process.push(await timed(16, () => names.forEach(() => sh(':'))));

  const others = grantsOf(few, 'full');
  await batch(others);
  all.atFew.push(await measured(batch, attachments));
  const rest = grantsOf(many - few, 'full');
  await batch(rest);
  all.atMany.push(await measured(batch, attachments));
  await gone([...others, ...rest]);
}
await fabric.dismantle(cx);
await fabric.close();

const of = (key: keyof typeof all) => median(all[key]);
const figures: BatchBench = {
  attachments,
  rounds,
  batch: rounded(of('batch'), 3),
  singly: rounded(of('singly'), 3),
  tapAlone: rounded(of('tap'), 3),
  byTools: rounded(of('tools'), 3),
  processStart: rounded(of('process'), 3),
  atTen: rounded(of('atFew'), 3),
  atThousand: rounded(of('atMany'), 3),
  ratio: {
    batchToSingly: rounded(of('batch') / of('singly'), 3),
    tapAloneToSingly: rounded(of('tap') / of('singly'), 3),
    batchToTools: rounded(of('batch') / of('tools'), 4),
    thousandToTen: rounded(of('atMany') / of('atFew'), 3),
  },
};
console.log(JSON.stringify(figures));
