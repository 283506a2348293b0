import type { ResultOf, ThawClient } from '../../client/index.js';
import type { Host } from '../support/host.js';
import { BareVmm } from './bare.js';

/** What one clone of the daemon's took, in milliseconds. */
export interface CloneTimes {
  /** By the timeline: from the start of its operation to the end of `resume`. */
  readonly resumed: number;
  /** Seen by the client: from sending the request to the answer; the same for all clones of a request. */
  readonly confirmedSeen: number;
  /** What the client waited for beside the operation: the socket, and what is decided for all clones. */
  readonly around: number;
  /** Firecracker's own part of `resumed`: from sending load, attach and resume to their answers. */
  readonly calls: number;
  /** Each step up to `resumed`. */
  readonly steps: Readonly<Record<string, number>>;
  /** From `resumed` to the guest's confirmation, the agent's part. */
  readonly agent: number;
  /** The start of its VMM, whenever that was. */
  readonly vmmStart: number;
}

const calls = new Set(['vmm.load', 'vmm.attach', 'vmm.resume']);

/** Restores clones of `base` at once, looks where their time went, and stops them. */
export async function daemonClones(client: ThawClient, count: number): Promise<CloneTimes[]> {
  const began = performance.now();
  const { clones } = await client.snapshot.restore({ snapshot: 'base', count, readyTimeout: 300_000 });
  const confirmedSeen = performance.now() - began;
  const times: Omit<CloneTimes, 'around'>[] = [];
  const longest: number[] = [];
  for (const clone of clones) {
    if (!clone.ok) throw new Error(clone.error.message);
    const { id } = clone.vm;
    const { timelines } = await client.vm.timeline({ vm: id });
    const spans = timelines.find(({ method }) => method === 'snapshot.restore')?.spans ?? [];
    const steps = spans.filter(({ kind }) => kind === 'step');
    longest.push(spans.find(({ name }) => name === 'ready')?.end ?? NaN);
    const ended = (name: string): number => steps.find((span) => span.name === name)?.end ?? NaN;
    const resumed = ended('resume');
    const upTo = steps.filter(({ end }) => (end ?? Infinity) <= resumed);
    const all = timelines.flatMap((timeline) => timeline.spans);
    times.push({
      resumed,
      confirmedSeen,
      calls: spans.filter(({ name }) => calls.has(name)).reduce((sum, span) => sum + took(span), 0),
      steps: Object.fromEntries(upTo.map((span) => [span.name.split(' ')[0] ?? '', took(span)])),
      agent: ended('confirm') - resumed,
      vmmStart: took(all.find(({ name, kind }) => name === 'vmm' && kind === 'step')),
    });
  }
  await stopAll(client, clones);
  return times.map((one) => ({ ...one, around: confirmedSeen - Math.max(...longest) }));
}

/** Stops the clones that there are. */
export async function stopAll(
  client: ThawClient,
  clones: ResultOf<'snapshot.restore'>['clones'],
): Promise<void> {
  const made = clones.flatMap((clone) => (clone.ok ? [clone.vm.id] : []));
  await Promise.all(made.map((vm) => client.vm.stop({ vm })));
}

const took = (span: { start: number; end: number | null } | undefined): number =>
  span ? (span.end ?? NaN) - span.start : NaN;

/** What one bare clone took, in milliseconds. */
export interface BareTimes {
  readonly resumed: number;
  /** From the same start, until its guest was told what there was to tell. */
  readonly told: number;
  readonly vmmStart: number;
}

/** Tells the guest of a bare clone, the how-manieth of its round, who it is. */
export type Tell = (vmm: BareVmm, n: number) => Promise<void>;

/** Taps and files for bare clones of a snapshot, each with a tap like the daemon's, made before. */
export class BareSide {
  readonly #host: Host;
  readonly #files: { readonly state: string; readonly mem: string };

  private constructor(host: Host, files: { state: string; mem: string }) {
    this.#host = host;
    this.#files = files;
  }

  static async open(host: Host, { snapshot, most }: { snapshot: string; most: number }): Promise<BareSide> {
    const bridges = JSON.parse(await host.exec('ip', '-json', 'link', 'show', 'type', 'bridge')) as {
      ifname: string;
    }[];
    const bridge = bridges[0]?.ifname ?? '';
    for (let n = 0; n < most; n++) {
      await host.exec('ip', 'tuntap', 'add', `bare${n}`, 'mode', 'tap', 'vnet_hdr');
      await host.exec('ip', 'link', 'set', `bare${n}`, 'master', bridge, 'up');
    }
    const dir = `${host.storeDir}/snapshots/${snapshot}`;
    return new BareSide(host, { state: `${dir}/state`, mem: `${dir}/mem` });
  }

  /** Starts so many VMMs; what is returned restores a clone in each at once, tells their guests, and ends them. */
  async ready(
    count: number,
    { tell, env }: { tell?: Tell; env?: NodeJS.ProcessEnv } = {},
  ): Promise<() => Promise<BareTimes[]>> {
    const vmms: BareVmm[] = [];
    for (let n = 0; n < count; n++) vmms.push(await BareVmm.start(this.#host.box, `bare${n}`, env));
    return async () => {
      const times = await Promise.all(
        vmms.map(async (vmm, n) => {
          const began = performance.now();
          const resumed = await vmm.restore({ ...this.#files, tap: `bare${n}`, mac: macOf(n) });
          await tell?.(vmm, n);
          return { resumed, told: performance.now() - began, vmmStart: vmm.startMs };
        }),
      );
      for (const vmm of vmms) await vmm.end();
      return times;
    };
  }
}

const macOf = (n: number): string => `02:00:00:00:be:${n.toString(16).padStart(2, '0')}`;
