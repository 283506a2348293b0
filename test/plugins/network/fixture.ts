import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import fabricPlugin from '../../../plugins/network/fabric.js';
import { VmId } from '../../../daemon/api/shapes/ids.js';
import { Guest } from './guest.js';
import type { Context, Difference, Fabric, Grant, Step } from '../../../plugins/contract.js';

/** Nobody watches, nothing is cancelled. */
export const cx: Context = { signal: new AbortController().signal, probe: { effect: () => undefined } };

/** The n-th VM of a test. */
export function vm(n: number): VmId {
  return VmId.parse(`vm-${n.toString(36).padStart(10, '0')}`);
}

/** What a program wrote; throws where it fails. */
export function sh(command: string): string {
  return execFileSync('sh', ['-c', command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** What a test of node-tap offers, as far as it is needed here. */
interface Test {
  teardown(callback: () => Promise<void>): void;
}

export type Networks = Readonly<Record<string, unknown>>;

/** Starts a fabric; the caller closes it. */
export async function startFabric(networks?: Networks, log: string[] = []): Promise<Fabric> {
  const host = {
    cx,
    storeDir: '/nonexistent',
    runDir: '/nonexistent',
    log: (_level: string, message: string): void => {
      log.push(message);
    },
  };
  const config = fabricPlugin.config.parse(networks ? { networks } : {});
  return fabricPlugin.start(host, config);
}

/** Networks for one test, and who is in them. When it ends, however it does, all must be as it was before. */
export class Net {
  readonly log: string[] = [];
  readonly #grants: Grant[] = [];
  readonly #guests: Guest[] = [];

  private constructor(public fabric: Fabric) {}

  static async open(t: Test, networks?: Networks): Promise<Net> {
    const before = leftovers();
    const net = new Net(await startFabric(networks));
    t.teardown(async () => {
      for (const guest of net.#guests) guest.close();
      for (const grant of net.#grants) await detach(net.fabric, grant);
      await net.fabric.dismantle(cx);
      await net.fabric.close();
      const left = leftovers().filter((thing) => !before.includes(thing));
      if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
    });
    return net;
  }

  /** Another daemon's fabric, in place of this one's, with what is in the records. */
  async restart(networks?: Networks): Promise<void> {
    await this.fabric.close();
    this.fabric = await startFabric(networks, this.log);
    for (const step of this.#grants.flatMap((grant) => this.fabric.stepsFor(grant)))
      kindOf(this.fabric, step).adopt?.(recorded(step));
  }

  /** A grant that is taken back when the test ends, whatever has become of it. */
  grant(n: number, network = 'default'): Grant {
    const grant = this.fabric.grant({ vm: vm(n), nic: 'eth0', network });
    this.#grants.push(grant);
    return grant;
  }

  /** A NIC that is made, with somebody behind it. */
  async guest(n: number, network = 'default'): Promise<{ grant: Grant; guest: Guest }> {
    const grant = this.grant(n, network);
    await attach(this.fabric, grant);
    return { grant, guest: this.open(grant.tap) };
  }

  /** Somebody behind a tap. */
  open(tap: string): Guest {
    const guest = new Guest(tap);
    this.#guests.push(guest);
    return guest;
  }
}

/** A step as the next daemon reads it from a record. */
export function recorded(step: Step): Step {
  return JSON.parse(JSON.stringify(step)) as Step;
}

export function kindOf(fabric: Fabric, step: Step) {
  const kind = fabric.kinds[step.kind];
  if (!kind) throw new TypeError(`no step kind ${step.kind}`);
  return kind;
}

/** Makes a grant real. */
export async function attach(fabric: Fabric, grant: Grant): Promise<void> {
  for (const step of fabric.stepsFor(grant)) await kindOf(fabric, step).run(step, cx);
}

/** Takes all of a grant back, from its record, in reverse. */
export async function detach(fabric: Fabric, grant: Grant): Promise<void> {
  for (const step of fabric.stepsFor(grant).map(recorded).reverse())
    await kindOf(fabric, step).undo(step, cx);
}

export async function differences(fabric: Fabric, grant: Grant): Promise<readonly Difference[]> {
  const all = await Promise.all(fabric.stepsFor(grant).map((step) => kindOf(fabric, step).check(step, cx)));
  return all.flat();
}

/** Everything that could be left behind: links, elements of sets, tables. */
export function leftovers(): readonly string[] {
  const links = (JSON.parse(sh('ip -json link show')) as { ifname: string }[]).map(({ ifname }) => ifname);
  const { nftables } = JSON.parse(sh('nft -j list ruleset')) as {
    nftables: { set?: { elem?: unknown[] }; table?: { family: string; name: string } }[];
  };
  return [
    ...links.map((name) => `link ${name}`),
    ...nftables.flatMap(({ set }) => set?.elem ?? []).map((element) => `element ${JSON.stringify(element)}`),
    ...nftables.flatMap(({ table }) => (table ? [`table ${table.family} ${table.name}`] : [])),
  ];
}

/** How many frames the rules with this comment have dropped. */
export function counter(comment: string, family = 'bridge'): number {
  const { nftables } = JSON.parse(sh(`nft -j list table ${family} thaw`)) as {
    nftables: { rule?: { comment?: string; expr: { counter?: { packets: number } }[] } }[];
  };
  return nftables
    .filter(({ rule }) => rule?.comment === comment)
    .flatMap(({ rule }) => rule?.expr ?? [])
    .reduce((sum, expr) => sum + (expr.counter?.packets ?? 0), 0);
}

/** Waits until something holds: for two seconds, then says that it does not. */
export async function eventually(holds: () => boolean): Promise<boolean> {
  const until = performance.now() + 2_000;
  while (performance.now() < until) {
    if (holds()) return true;
    await sleep(5);
  }
  return false;
}
