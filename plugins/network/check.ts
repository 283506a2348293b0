import type { Context, Difference, EngineState } from '../contract.js';
import { lookAtRuleset } from './effects/nft.js';
import { lookAtLinks } from './effects/route.js';
import { readSysctls } from './effects/sysctl.js';
import { bridgeDifferences } from './host/bridges.js';
import { Ruleset, rulesetDifferences } from './host/ruleset.js';
import { bridgedIsFiltered, sysctlDifferences, sysctlNames } from './host/sysctls.js';
import type { Ground } from './mend.js';

/** What is wrong with bridges and tables, and what else on the host cuts the VMs' traffic. Changes nothing. */
export async function checkHost({ route, networks }: Ground, cx: Context): Promise<readonly Difference[]> {
  const seen = await lookAtLinks(route, cx);
  const sysctls = await readSysctls(sysctlNames(networks), cx);
  const ruleset = Ruleset.parse(await lookAtRuleset(null, cx));
  return [
    ...networks.flatMap((network) => bridgeDifferences(network, seen)),
    ...sysctlDifferences(networks, sysctls),
    ...rulesetDifferences(networks, { ruleset, bridgedIsFiltered: bridgedIsFiltered(sysctls) }),
  ];
}

/** Of the networks that other engines make, those that get no NIC now. Pure. */
export function engineDifferences(states: readonly EngineState[]): readonly Difference[] {
  return states.flatMap(({ network, trouble }) =>
    trouble === null ? [] : [{ what: `network ${network}`, ...trouble }],
  );
}
