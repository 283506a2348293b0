import { setTimeout as sleep } from 'node:timers/promises';
import { testKernel } from '../support/kernel.js';
import type { Host } from '../support/host.js';
import { BareSide, daemonClones, stopAll, type BareTimes, type CloneTimes } from './side.js';
import { median, rounded, spread } from './stats.js';

/** Milliseconds for what a round has left to do (VMMs ending, links going) to be over before the next. */
const settleMs = 150;

/** Boots the source and takes the snapshot `base`; returns its id. */
export async function makeBase({ client }: Host): Promise<string> {
  await client.vm.boot({ name: 'source', config: { 'boot-source': { kernel_image_path: testKernel() } } });
  const { snapshot } = await client.snapshot.create({ vm: 'source', name: 'base' });
  await client.vm.stop({ vm: 'source' });
  return snapshot.id;
}

/** Waits until the slots are full and nothing is under way. */
export async function quiet({ client }: Host, slots: number): Promise<void> {
  for (;;) {
    const health = await client.system.health();
    if (health.slots >= slots && health.operations === 0) break;
    await sleep(20);
  }
  await sleep(settleMs);
}

/** Compares `count` clones at once, `rounds` times, both sides in turns and changing places. */
async function compare(
  { host, bare }: { host: Host; bare: BareSide },
  { count, rounds, slots }: { count: number; rounds: number; slots: number },
) {
  const ours: CloneTimes[][] = [];
  const theirs: BareTimes[][] = [];
  const daemon = async (): Promise<void> => {
    await quiet(host, slots);
    ours.push(await daemonClones(host.client, count));
  };
  const byHand = async (): Promise<void> => {
    const restore = await bare.ready(count);
    await quiet(host, slots);
    theirs.push(await restore());
  };
  const warmUp = Math.max(1, Math.round(rounds / 10));
  for (let round = 0; round < rounds + warmUp; round++) {
    for (const side of round % 2 === 0 ? [daemon, byHand] : [byHand, daemon]) await side();
    process.stderr.write('.');
  }
  return result(ours.slice(warmUp), theirs.slice(warmUp));
}

function result(ours: readonly CloneTimes[][], theirs: readonly BareTimes[][]) {
  const [daemon, bare] = [ours.flat(), theirs.flat()];
  const of = (pick: (times: CloneTimes) => number) => spread(daemon.map(pick));
  const bareSpread = spread(bare.map(({ resumed }) => resumed));
  const resumed = of((times) => times.resumed);
  const perRound = ours.map(
    (times, n) =>
      median(times.map((one) => one.resumed)) / median((theirs[n] ?? []).map((one) => one.resumed)),
  );
  const names = [...new Set(daemon.flatMap(({ steps }) => Object.keys(steps)))];
  return {
    bare: { resumed: bareSpread, vmmStart: spread(bare.map(({ vmmStart }) => vmmStart)) },
    daemon: {
      resumed,
      aroundTheOperation: of((times) => times.around),
      confirmedSeenByClient: of((times) => times.confirmedSeen),
      /** Up to `resumed`, without waiting for Firecracker. */
      ownMilliseconds: of((times) => times.resumed - times.calls),
      agent: of((times) => times.agent),
      vmmStart: of((times) => times.vmmStart),
      steps: Object.fromEntries(names.map((name) => [name, of((times) => times.steps[name] ?? NaN)])),
    },
    /** The daemon's share: its `resumed` over the bare one's. */
    ratio: {
      p50: rounded(resumed.p50 / bareSpread.p50),
      p99: rounded(resumed.p99 / bareSpread.p99),
      medianOfRounds: rounded(median(perRound)),
      withAllAroundIt: rounded(median(daemon.map((times) => times.resumed + times.around)) / bareSpread.p50),
    },
  };
}

/** Clones one at a time, 16 at once, and 64 asked for at once, with `slots` slots. */
export async function benchRestore(host: Host, slots: number) {
  const snapshot = await makeBase(host);
  const bare = await BareSide.open(host, { snapshot, most: 16 });
  const oneAtATime = await compare({ host, bare }, { count: 1, rounds: 40, slots });
  const sixteenAtOnce = await compare({ host, bare }, { count: 16, rounds: 4, slots });
  await quiet(host, slots);
  const began = performance.now();
  const { clones } = await host.client.snapshot.restore({
    snapshot: 'base',
    count: 64,
    readyTimeout: 300_000,
  });
  const milliseconds = Math.round(performance.now() - began);
  const ready = clones.filter((clone) => clone.ok && clone.vm.readiness.is === 'ready').length;
  await stopAll(host.client, clones);
  process.stderr.write('.\n');
  return { slots, oneAtATime, sixteenAtOnce, sixtyFourAtOnce: { asked: 64, ready, milliseconds } };
}
