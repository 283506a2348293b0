import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from '../firecracker/lab.js';
import { takeBase } from '../support/flow.js';
import type { Host } from '../support/host.js';
import { linux, onQemu } from '../support/linux-guest.js';
import { quiet } from './restore.js';
import { BareSide, daemonClones, type Tell } from './side.js';
import { median, rounded, spread } from './stats.js';

const rounds = 12;

/** What a clone is told at the least, each by a `guest-exec` of its own. */
const commands = [
  'echo 1 > /sys/bus/pci/rescan',
  'ip addr add 10.209.200.1/16 dev eth0',
  'ip link set eth0 up',
  'ip route add default via 10.209.0.1',
  'hostname bare',
];

/** Tells a guest by one command after the other, over one connection, asking for the end of each every `pause` milliseconds. */
const oneByOne =
  (pause: number): Tell =>
  async ({ dir }) => {
    let agent: Agent | undefined;
    while (!agent) agent = await Agent.connect(`${dir}/v.sock`, 1_000);
    for (const command of commands) {
      const { pid } = (await agent.do('guest-exec', { path: '/bin/sh', arg: ['-c', command] })) as {
        pid: number;
      };
      for (;;) {
        await sleep(pause);
        const { exited, exitcode } = (await agent.do('guest-exec-status', { pid })) as Record<
          string,
          unknown
        >;
        if (!exited) continue;
        if (exitcode !== 0) throw new Error(`${command}: exit code ${String(exitcode)}`);
        break;
      }
    }
    agent.socket.destroy();
  };

/**
 * On a real kernel, from the load to the guest's confirmation: the daemon, which tells it all that there is to tell,
 * against a client that does only the steps of {@link commands}. In the manner of a shell script it sleeps a tenth of a
 * second between two questions; the eager one asks every 5 ms.
 */
export async function benchGuest(host: Host) {
  await takeBase(host, linux());
  const { snapshots } = await host.client.snapshot.list();
  const bare = await BareSide.open(host, { snapshot: snapshots[0]?.id ?? '', most: 1 });
  const daemon = async (): Promise<number> => {
    await quiet(host, 1);
    const [times] = await daemonClones(host.client, 1);
    return times?.confirmedSeen ?? NaN;
  };
  const byHand = (pause: number) => async (): Promise<number> => {
    const restore = await bare.ready(1, { tell: oneByOne(pause), env: onQemu });
    await quiet(host, 1);
    const [times] = await restore();
    return times?.told ?? NaN;
  };
  const sides = { daemon, shell: byHand(100), eager: byHand(5) };
  const took = { daemon: [] as number[], shell: [] as number[], eager: [] as number[] };
  const names = Object.keys(sides) as (keyof typeof sides)[];
  for (let round = 0; round <= rounds; round++) {
    for (const [place] of names.entries()) {
      const name = names[(place + round) % names.length] ?? 'daemon';
      const milliseconds = await sides[name]();
      // The first round is warming up.
      if (round > 0) took[name].push(milliseconds);
    }
    process.stderr.write('.');
  }
  const ratioTo = (other: readonly number[]) => ({
    p50: rounded(median(took.daemon) / median(other)),
    medianOfRounds: rounded(median(took.daemon.map((one, n) => one / (other[n] ?? NaN)))),
  });
  return {
    daemon: spread(took.daemon),
    shell: spread(took.shell),
    eager: spread(took.eager),
    ratio: { toShell: ratioTo(took.shell), toEager: ratioTo(took.eager) },
  };
}
