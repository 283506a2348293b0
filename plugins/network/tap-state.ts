import type { ThawError } from '../../daemon/api/thaw-error.js';
import { linkForeign, tapBusy, tapNotReady } from '../../daemon/api/errors/network.js';
import type { Difference } from '../contract.js';
import { aliasOf, tapGroup, vmOfAlias } from './names.js';
import type { Link } from './netlink/link-info.js';
import type { Membership } from './netlink/vlan-requests.js';
import type { TapStep } from './steps.js';

/** What the kernel shows of a tap and of the bridge that it belongs into. */
export interface TapSight {
  readonly link: Link | null;
  readonly bridge: Link | null;
  /** Of the tap's, where it is to have one. */
  readonly vlans: readonly Membership[];
}

/** What is wrong with the VLANs of a port that is to have one, as a phrase. Pure. */
export function vlanProblems(
  { vlan }: Pick<TapStep, 'vlan'>,
  vlans: readonly Membership[],
): readonly string[] {
  if (vlan === undefined) return [];
  const [only, ...more] = vlans;
  if (only?.access === true && more.length === 0 && only.first === vlan && only.last === vlan) return [];
  const has = vlans.map(({ first, last }) => (first === last ? first : `${first}-${last}`)).join(', ');
  return [`it is in VLAN ${has || 'none'}, not in ${vlan} alone and without a tag`];
}

/** What is not as the step left it, each as a phrase. Pure. */
export function tapProblems(
  step: Omit<TapStep, 'kind'>,
  { link, bridge, vlans }: TapSight,
): readonly string[] {
  if (!link) return ['it is gone'];
  if (vmOfAlias(link.alias) !== step.vm)
    return [`its alias is ${JSON.stringify(link.alias ?? '')}, not ${aliasOf(step.vm)}`];
  const problems: string[] = [];
  if (link.tap === null) problems.push('it is no tap');
  if (link.tap?.multiQueue === true) problems.push('it has several queues');
  if (link.tap?.persistent === false) problems.push('it goes with the process that has it open');
  if (!bridge) problems.push(`its bridge ${step.bridge} is gone`);
  else if (link.master !== bridge.index) problems.push(`it is not in ${step.bridge}`);
  problems.push(...vlanProblems(step, vlans));
  if (!link.up) problems.push('it is down');
  if (link.group !== tapGroup) problems.push('it is not in the interface group that the rules close');
  if (link.mtu !== step.mtu) problems.push(`its MTU is ${link.mtu}, not ${step.mtu}`);
  if (link.isolated !== step.isolated)
    problems.push(step.isolated ? 'it can reach its neighbours' : 'it is cut off from its neighbours');
  return problems;
}

/** Why nothing may open this tap now; null where all is well. Pure. */
export function tapRefusal(step: TapStep, sight: TapSight): ThawError | null {
  const [problem] = tapProblems(step, sight);
  if (sight.link && vmOfAlias(sight.link.alias) !== step.vm)
    return linkForeign({ link: step.name, why: problem ?? '' });
  if (problem !== undefined) return tapNotReady({ tap: step.name, why: problem });
  // A tap has a carrier while somebody has it open (tun_chr_open … __tun_detach in drivers/net/tun.c).
  return sight.link?.carrier === true ? tapBusy({ tap: step.name }) : null;
}

export function tapDifferences(step: TapStep, sight: TapSight): readonly Difference[] {
  return tapProblems(step, sight).map((problem) => ({
    what: `tap ${step.name}`,
    problem,
    remedy: sight.link
      ? `Keep other programs (network managers) away from links called th…; then restore a fresh clone in place of ${step.vm}`
      : `Nothing can bring it back under a running VMM: restore a fresh clone in place of ${step.vm}`,
  }));
}
