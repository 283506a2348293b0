import { z } from 'zod';
import type { Difference } from '../../contract.js';
import type { Network } from '../networks.js';

const Chain = z.looseObject({
  family: z.string(),
  table: z.string(),
  name: z.string(),
  type: z.string().optional(),
  hook: z.string().optional(),
  policy: z.string().optional(),
});
const Rule = z.looseObject({
  family: z.string(),
  table: z.string(),
  chain: z.string(),
  expr: z.array(z.unknown()).default([]),
});

/** What `nft -j list ruleset` gives, as far as it matters here. */
export const Ruleset = z.object({
  nftables: z.array(
    z.looseObject({
      chain: Chain.optional(),
      rule: Rule.optional(),
      table: z.looseObject({ family: z.string(), name: z.string() }).optional(),
    }),
  ),
});
export type Ruleset = z.infer<typeof Ruleset>;
type Chain = z.infer<typeof Chain>;

const ours = (family: string, table: string) =>
  table === 'thaw' && (family === 'bridge' || family === 'inet');

/** Whether some rule of the chain's table accepts what comes from or goes to this bridge: then somebody saw to it. */
function lets({ family, table }: Chain, bridge: string, { nftables }: Ruleset): boolean {
  return nftables.some(({ rule }) => {
    if (!rule || rule.family !== family || rule.table !== table) return false;
    const words = JSON.stringify(rule.expr);
    return words.includes(`"right":${JSON.stringify(bridge)}`) && words.includes('"accept"');
  });
}

function remedyFor(chain: Chain, bridge: string, { nftables }: Ruleset): string {
  const { family, table, name } = chain;
  if (table === 'firewalld')
    return `Run firewall-cmd --permanent --zone=trusted --add-interface=${bridge}, and reload it`;
  if (family === 'ip' && table === 'filter') {
    const docker = nftables.some(({ chain: one }) => one?.family === 'ip' && one.name === 'DOCKER-USER');
    const into = name === 'FORWARD' && docker ? 'DOCKER-USER' : name;
    const back = name === 'FORWARD' ? ` and iptables -I ${into} -o ${bridge} -j ACCEPT` : '';
    return `Run iptables -I ${into} -i ${bridge} -j ACCEPT${back}, and keep that across reboots`;
  }
  const back = chain.hook === 'forward' ? `, and the same with oifname` : '';
  return `Run nft insert rule ${family} ${table} ${name} iifname "${bridge}" accept${back}, and keep that across reboots`;
}

/** Chains of others that drop what goes through this hook, and let the bridge's traffic through nowhere. */
function drops(hook: string, bridge: string, ruleset: Ruleset): readonly Chain[] {
  return ruleset.nftables.flatMap(({ chain }) => {
    if (!chain || ours(chain.family, chain.table)) return [];
    const dropping = chain.hook === hook && chain.policy === 'drop' && chain.type === 'filter';
    const seen = ['ip', 'inet', 'bridge'].includes(chain.family);
    return dropping && seen && !lets(chain, bridge, ruleset) ? [chain] : [];
  });
}

const nameOf = ({ family, table, name }: Chain) => `the chain ${name} of the table ${family} ${table}`;

/** What else on the host cuts a network's traffic: an accept of ours can't undo a drop in another's table. */
function cuts(network: Network, { ruleset, bridgedIsFiltered }: HostRules): readonly Difference[] {
  const { hostLink, isolate, hostAccess } = network;
  const what = `network ${network.name}`;
  const found = (chain: Chain, dropped: string): Difference => ({
    what,
    problem: `${nameOf(chain)} drops ${dropped} by default`,
    remedy: remedyFor(chain, hostLink, ruleset),
  });
  const forward = drops('forward', hostLink, ruleset);
  const input = hostAccess.length > 0 ? drops('input', hostLink, ruleset) : [];
  const between = isolate || !bridgedIsFiltered ? [] : forward.filter(({ family }) => family !== 'bridge');
  return [
    ...forward.map((chain) => found(chain, 'forwarded packets')),
    ...input.map((chain) => found(chain, 'what VMs send to the host')),
    ...between.map((chain) => ({
      what: 'net.bridge.bridge-nf-call-iptables',
      problem: `it is 1, so that ${nameOf(chain)} also drops what VMs of ${network.name} send to each other`,
      remedy: 'Run sysctl -w net.bridge.bridge-nf-call-iptables=0, and keep that across reboots',
    })),
  ];
}

export interface HostRules {
  readonly ruleset: Ruleset;
  /** Whether frames from one port of a bridge to another pass through the host's rules for IP. */
  readonly bridgedIsFiltered: boolean;
}

/** What is wrong with the tables, ours and others'. Pure. */
export function rulesetDifferences(networks: readonly Network[], rules: HostRules): readonly Difference[] {
  const missing = (['bridge', 'inet'] as const).filter(
    (family) =>
      !rules.ruleset.nftables.some(({ table }) => table?.family === family && table.name === 'thaw'),
  );
  return [
    ...missing.map((family) => ({
      what: `table ${family} thaw`,
      problem: 'it is gone: somebody flushed the host’s rules',
      remedy: 'Restart thawd: it makes its tables again, VMs’ elements included',
    })),
    ...networks.flatMap((network) => cuts(network, rules)),
  ];
}
