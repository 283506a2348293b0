// Measures in the network namespace that it is started in, and prints the figures as JSON.
import { closeTap, openTap } from '../../plugins/network/effects/tun.js';
import { attach, detach, sh, startFabric, vm } from '../plugins/network/fixture.js';
import type { AttachmentsBench } from './attachments.js';
import { byTools, timed } from './own-network.js';
import { median, rounded } from './stats.js';

const attachments = 256;
const fewer = 16;
const rounds = 5;

const fabric = await startFabric();

const grantsOf = (count: number) =>
  Array.from({ length: count }, (_, n) => fabric.grant({ vm: vm(n), nic: 'eth0', network: 'default' }));

const all: Record<'made' | 'tapOnly' | 'byTools' | 'removedSingly' | 'removedTogether', number[]> = {
  made: [],
  tapOnly: [],
  byTools: [],
  removedSingly: [],
  removedTogether: [],
};
for (let round = 0; round < rounds; round += 1) {
  const grants = grantsOf(attachments);
  const make = async () => {
    for (const grant of grants) await attach(fabric, grant);
  };
  all.made.push(await timed(attachments, make));
  const together = () => Promise.all(grants.map((grant) => detach(fabric, grant)));
  all.removedTogether.push(await timed(attachments, together));

  const some = grantsOf(fewer);
  for (const grant of some) await attach(fabric, grant);
  const singly = async () => {
    for (const grant of some) await detach(fabric, grant);
  };
  all.removedSingly.push(await timed(fewer, singly));

  const names = Array.from({ length: fewer }, (_, n) => `bare${n}`);
  const open: ReturnType<typeof openTap>[] = [];
  all.tapOnly.push(await timed(fewer, () => names.forEach((name) => open.push(openTap(name, true)))));
  for (const tap of open) if (typeof tap === 'object') closeTap(tap);

  all.byTools.push(await timed(fewer, () => names.forEach(byTools)));
  for (const name of names) sh(`nft delete element bridge thaw open '{ "${name}" }'; ip link del ${name}`);
}
await fabric.close();

const [made, tapOnly, tools] = [median(all.made), median(all.tapOnly), median(all.byTools)];
const [singly, together] = [median(all.removedSingly), median(all.removedTogether)];
const figures: AttachmentsBench = {
  attachments,
  rounds,
  made: rounded(made, 3),
  tapOnly: rounded(tapOnly, 3),
  byTools: rounded(tools, 3),
  removedSingly: rounded(singly, 3),
  removedTogether: rounded(together, 3),
  ratio: {
    madeToTools: rounded(made / tools, 3),
    madeToTapOnly: rounded(made / tapOnly),
    togetherToSingly: rounded(together / singly, 3),
  },
};
console.log(JSON.stringify(figures));
