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

/** Chains of others that drop what the VMs' networks need: an accept of ours can't undo that. */
function foreignDrops(network: Network, ruleset: Ruleset): readonly Difference[] {
  const hooks = network.hostAccess.length > 0 ? ['forward', 'input'] : ['forward'];
  return ruleset.nftables.flatMap(({ chain }) => {
    if (!chain || ours(chain.family, chain.table) || chain.policy !== 'drop' || chain.type !== 'filter')
      return [];
    if (!['ip', 'inet', 'bridge'].includes(chain.family) || !hooks.includes(chain.hook ?? '')) return [];
    if (lets(chain, network.bridge, ruleset)) return [];
    return [
      {
        what: `network ${network.name}`,
        problem: `the chain ${chain.name} of the table ${chain.family} ${chain.table} drops ${chain.hook === 'input' ? 'what VMs send to the host' : 'forwarded packets'} by default`,
        remedy: remedyFor(chain, network.bridge, ruleset),
      },
    ];
  });
}

/** What is wrong with the tables, ours and others'. Pure. */
export function rulesetDifferences(networks: readonly Network[], ruleset: Ruleset): readonly Difference[] {
  const missing = (['bridge', 'inet'] as const).filter(
    (family) => !ruleset.nftables.some(({ table }) => table?.family === family && table.name === 'thaw'),
  );
  return [
    ...missing.map((family) => ({
      what: `table ${family} thaw`,
      problem: 'it is gone: somebody flushed the host’s rules',
      remedy: 'Restart thawd: it makes its tables again, VMs’ elements included',
    })),
    ...networks.flatMap((network) => foreignDrops(network, ruleset)),
  ];
}
