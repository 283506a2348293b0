import { z } from 'zod';
import type { Manifest } from '../../../daemon/api/shapes/snapshot.js';
import type { ThawError } from '../../../daemon/api/thaw-error.js';
import {
  definePlugin,
  pluginContract,
  type GuestSide,
  type PlanFacts,
  type PlannedNic,
  type Question,
  type Step,
  type StrategyPlan,
  type Verdict,
} from '../../contract.js';
import { uplinkName } from '../netns/names.js';
import type { InnerStep, NetnsStep, Pair, UplinkStep } from '../netns/steps.js';
import { stepsFor } from '../steps.js';
import { limitSteps, limitsOf, nicsInsideFor, type InsideNic } from './inside.js';
import { refuser } from './words.js';

type Nic = Manifest['nics'][number];

/** The addresses of a family, without prefix. */
const ofFamily = (six: boolean, addresses: readonly string[]) =>
  addresses.flatMap((cidr) => (cidr.includes(':') === six ? [cidr.split('/')[0] ?? ''] : []));
const v4 = (addresses: readonly string[]) => ofFamily(false, addresses);
const v6 = (addresses: readonly string[]) => ofFamily(true, addresses);

function refusal(question: Question, nics: readonly InsideNic[]): ThawError | null {
  const unfit = refuser('netns', question);
  const unknown = nics.filter(({ nic }) => v4(nic.addresses).length === 0).map(({ nic }) => nic.id);
  if (unknown.length > 0)
    return unfit(
      `nobody has written down the IPv4 address of ${unknown.join(', ')}, which is to be translated`,
      'Boot the source with thaw and a network, so that its address is known, and take a new snapshot',
    );
  return null;
}

/**
 * A snapshot with its NICs inside, whose addresses are known: any number of clones, with any Firecracker, agent or not.
 * `keepMac` is what it does anyway. Pure.
 */
export function judgeNetns(question: Question): Verdict {
  const inside = nicsInsideFor('netns', question);
  if (!inside.ok) return inside;
  const error = refusal(question, inside.nics);
  if (error) return { ok: false, error };
  const places = inside.nics.map(({ nic, wish, network }) => ({
    ...{ nic: nic.id, network, address: wish.address, mac: wish.mac, ports: wish.ports },
    // One that its guest has no use for could not be translated.
    ...(v6(nic.addresses).length === 0 && { ipv4Only: true as const }),
    ...limitsOf(wish),
  }));
  return { ok: true, places };
}

/** The guest's MTU, unless its clone's network takes less. */
const mtuOf = (inside: Nic, mtu: number) => Math.min(inside.mtu ?? mtu, mtu);

/** The cable into the namespace, and the tap at its other side, in place of a tap in the bridge. */
function wiring({ grant }: PlannedNic, inside: Nic, at: { index: number; taps: string[] }): readonly Step[] {
  const { vm, nic, bridge, vlan, isolated, mac, network, gateway, mtu } = grant;
  const peer = uplinkName(at.index, at.taps);
  const uplink: UplinkStep = {
    ...{ kind: 'uplink', vm, nic, name: grant.tap, bridge, peer, mac, mtu, isolated },
    ...(vlan !== undefined && { vlan }),
  };
  const subnet = grant.addresses.find((cidr) => !cidr.includes(':')) ?? '';
  const subnet6 = grant.addresses.find((cidr) => cidr.includes(':'));
  const inner: InnerStep = {
    ...{ kind: 'inner', vm, nic, network, tap: inside.tap, mtu: mtuOf(inside, mtu), uplink: peer },
    mac: inside.mac ?? mac,
    pairs: [v4, v6].flatMap((of): Pair[] => {
      const [[own], [outer]] = [of(inside.addresses), of(grant.addresses)];
      return own === undefined || outer === undefined ? [] : [{ inner: own, outer }];
    }),
    ...{ subnet, gateway, index: at.index },
    ...(subnet6 !== undefined && { subnet6 }),
    ...(grant.gateway6 !== undefined && { gateway6: grant.gateway6 }),
  };
  return [uplink, inner];
}

/** The guest is told what it has: that changes nothing, and it confirms it. */
function guestSide({ grant }: PlannedNic, inside: Nic): GuestSide {
  const { mac, addresses, gateway, gateway6 } = inside;
  const tell = {
    ...{ mac: mac ?? grant.mac, addresses: [...addresses], gateway, mtu: mtuOf(inside, grant.mtu) },
    ...(gateway6 !== null && { gateway6 }),
  };
  return { nic: grant.nic, tell, inner: true };
}

/**
 * Each clone's VMM in a network namespace of its own, where the tap has the name that the snapshot knows; between it and
 * the network the addresses are translated. The port in the bridge has the rules that a tap would have. Pure.
 */
export function planNetns({ vm, manifest, nics }: PlanFacts): StrategyPlan {
  const netns: NetnsStep = { kind: 'netns', vm: vm.id };
  const taps = manifest.nics.map(({ tap }) => tap);
  // One place for each NIC inside, as the verdict had it.
  const pairs = nics.flatMap((planned) => {
    const inside = manifest.nics.find(({ id }) => id === planned.grant.nic);
    return inside ? [{ planned, inside }] : [];
  });
  const prepare = pairs.flatMap(({ planned, inside }, index) =>
    stepsFor(planned.grant).flatMap((step) =>
      step.kind === 'tap' ? wiring(planned, inside, { index, taps }) : [step],
    ),
  );
  return {
    prepare: [netns, ...prepare],
    vmm: { netns: 'own' },
    load: { keys: {}, taps },
    plug: limitSteps(nics),
    rescan: false,
    guest: pairs.map(({ planned, inside }) => guestSide(planned, inside)),
    settle: [],
  };
}

export default definePlugin({
  kind: 'strategy',
  name: 'netns',
  contract: pluginContract,
  config: z.strictObject({}),
  start: () => Promise.resolve({ slots: true, judge: judgeNetns, plan: planNetns, kinds: {} }),
});
