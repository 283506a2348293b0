import type { Diagnosis } from '../api/system.js';
import { ok, problem, warning } from './diagnosis.js';
import { judgeForwarding } from './forwarding.js';
import { kernelHas, type KernelFacts, optionIn, type Presence } from './kernel.js';
import { judgeManagers, type ManagerFacts } from './managers.js';

export interface NetworkFacts extends ManagerFacts {
  readonly kernel: KernelFacts;
  readonly nft: string | null;
  readonly ip: string | null;
  /** What `nft -j list chains` said, or why it could not. */
  readonly chains: { readonly json: string } | { readonly why: string } | null;
  /** By the path beneath `/proc/sys`. */
  readonly sysctls: Readonly<Record<string, string | null>>;
}

function part(check: string, presence: Presence, words: { what: string; module: string }): Diagnosis {
  const { what, module } = words;
  switch (presence) {
    case 'y':
      return ok(check, `the kernel has ${what}`);
    case 'm':
      return ok(check, `the kernel loads ${what} when it is first used`);
    case 'n':
      return problem(check, `the kernel has no ${what}`, `Use a kernel with the module ${module}`);
    case null:
      return warning(check, `nothing tells whether the kernel has ${what}`, `modprobe ${module} says it`);
  }
}

/** No module of its own: it comes with nf_tables where its option is set. */
function bridgeFamily(kernel: KernelFacts): Presence {
  const { config } = kernel;
  return config !== null && optionIn(config, 'NF_TABLES_BRIDGE') === 'n'
    ? 'n'
    : kernelHas(kernel, 'NF_TABLES', 'nf_tables');
}

function nft({ nft: path, chains, kernel }: NetworkFacts): readonly Diagnosis[] {
  if (path === null) {
    return [
      problem('nft', 'The program nft is not in PATH', 'Install it, on Debian: apt-get install nftables'),
    ];
  }
  const has = kernelHas(kernel, 'NF_TABLES', 'nf_tables');
  if (chains !== null && 'why' in chains) {
    return [
      problem(
        'nft',
        `${path} can't list the chains: ${chains.why}`,
        has === 'n' ? 'Use a kernel with nf_tables' : 'Run thawd as root; modprobe nf_tables',
      ),
    ];
  }
  return [
    ok('nft', `${path} lists chains`),
    part('nf_tables bridge', bridgeFamily(kernel), {
      what: 'nf_tables for bridges',
      module: 'nf_tables',
    }),
  ];
}

/** All that taps, bridges and rules need, and what on this host cuts guests' traffic without a word. */
export function judgeNetwork(facts: NetworkFacts): readonly Diagnosis[] {
  return [
    ...nft(facts),
    facts.ip === null
      ? warning(
          'ip',
          'The program ip is not in PATH',
          'Install it to look at what thaw makes, on Debian: apt-get install iproute2',
        )
      : ok('ip', facts.ip),
    part('bridge', kernelHas(facts.kernel, 'BRIDGE', 'bridge'), { what: 'bridges', module: 'bridge' }),
    ...judgeForwarding(
      facts.sysctls,
      facts.chains !== null && 'json' in facts.chains ? facts.chains.json : null,
    ),
    ...judgeManagers(facts),
  ];
}
