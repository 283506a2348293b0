import { tapBusy, tapNotReady } from '../../../daemon/api/errors/network.js';
import type { ThawError } from '../../../daemon/api/thaw-error.js';
import type { Difference } from '../../contract.js';
import type { InnerSight } from '../effects/inner.js';
import { aliasOf, tapGroup, vmOfAlias } from '../names.js';
import { vlanProblems, type TapSight } from '../tap-state.js';
import type { InnerStep, UplinkStep } from './steps.js';

/** What is not as the step left it at the bridge's end of a cable. Pure. */
export function uplinkDifferences(
  step: UplinkStep,
  { link, bridge, vlans }: TapSight,
): readonly Difference[] {
  const what = `link ${step.name}`;
  const fresh = `Restore a fresh clone in place of ${step.vm}`;
  if (!link) return [{ what, problem: 'it is gone', remedy: fresh }];
  const problems: string[] = [];
  if (vmOfAlias(link.alias) !== step.vm)
    problems.push(`its alias is ${JSON.stringify(link.alias ?? '')}, not ${aliasOf(step.vm)}`);
  if (link.kind !== 'veth') problems.push('it is no veth');
  if (!bridge) problems.push(`its bridge ${step.bridge} is gone`);
  else if (link.master !== bridge.index) problems.push(`it is not in ${step.bridge}`);
  problems.push(...vlanProblems(step, vlans));
  if (!link.up) problems.push('it is down');
  if (link.group !== tapGroup) problems.push('it is not in the interface group that the rules close');
  if (link.mtu !== step.mtu) problems.push(`its MTU is ${link.mtu}, not ${step.mtu}`);
  if (link.isolated !== step.isolated)
    problems.push(step.isolated ? 'it can reach its neighbours' : 'it is cut off from its neighbours');
  const remedy = `Keep other programs (network managers) away from links called th…; then: ${fresh}`;
  return problems.map((problem) => ({ what, problem, remedy }));
}

/** What is not as the step left it in the namespace, each as a phrase. Pure. */
function innerProblems(step: InnerStep, { tap, uplink, missing, changed }: InnerSight): readonly string[] {
  if (!tap) return ['it is gone'];
  const problems: string[] = [];
  if (tap.tap === null) problems.push('it is no tap');
  if (tap.tap?.multiQueue === true) problems.push('it has several queues');
  if (tap.tap?.persistent === false) problems.push('it goes with the process that has it open');
  if (!tap.up) problems.push('it is down');
  if (!uplink?.up) problems.push(`the cable's end ${step.uplink} is ${uplink ? 'down' : 'gone'}`);
  for (const table of missing) problems.push(`the table ${table} is gone`);
  for (const one of changed) problems.push(one);
  return problems;
}

export function innerDifferences(step: InnerStep, sight: InnerSight): readonly Difference[] {
  return innerProblems(step, sight).map((problem) => ({
    what: `tap ${step.tap} in the namespace of ${step.vm}`,
    problem,
    remedy: `Restore a fresh clone in place of ${step.vm}, and find out who changes its namespace`,
  }));
}

/** Why nothing may open this tap now; null where all is well. Pure. */
export function innerRefusal(step: InnerStep, sight: InnerSight): ThawError | null {
  const [problem] = innerProblems(step, sight);
  if (problem !== undefined) return tapNotReady({ tap: step.tap, why: problem });
  return sight.tap?.carrier === true ? tapBusy({ tap: step.tap }) : null;
}

export function namespaceDifference(vm: string): Difference {
  return {
    what: `network namespace of ${vm}`,
    problem: 'it is gone, or its VMM lives in another one',
    remedy: `Restore a fresh clone in place of ${vm}`,
  };
}
