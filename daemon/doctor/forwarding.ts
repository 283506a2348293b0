import { z } from 'zod';
import type { Diagnosis } from '../api/system.js';
import { ok, warning } from './diagnosis.js';

/** The settings that {@link judgeForwarding} looks at, beneath `/proc/sys`. */
export const forwardingSysctls = [
  'net/ipv4/ip_forward',
  'net/ipv4/conf/all/rp_filter',
  'net/ipv4/conf/default/rp_filter',
  'net/bridge/bridge-nf-call-iptables',
] as const;

type Sysctls = Readonly<Record<string, string | null>>;

const Chains = z.object({
  nftables: z.array(
    z.object({
      chain: z
        .object({
          family: z.string(),
          table: z.string(),
          name: z.string(),
          hook: z.string().optional(),
          policy: z.string().optional(),
        })
        .optional(),
    }),
  ),
});

/** Chains of others through which forwarded packets go and are dropped unless a rule there lets them pass. */
export function droppingChains(json: string): readonly string[] {
  let read: unknown;
  try {
    read = JSON.parse(json);
  } catch {
    return [];
  }
  const parsed = Chains.safeParse(read);
  if (!parsed.success) return [];
  return parsed.data.nftables.flatMap(({ chain }) =>
    chain?.hook === 'forward' && chain.policy === 'drop' && chain.table !== 'thaw'
      ? [`${chain.family} ${chain.table} ${chain.name}`]
      : [],
  );
}

/** Whether packets of guests get through this host. */
export function judgeForwarding(sysctls: Sysctls, chains: string | null): readonly Diagnosis[] {
  const value = (path: (typeof forwardingSysctls)[number]): string | null => sysctls[path]?.trim() ?? null;
  const found: Diagnosis[] = [];
  found.push(
    value('net/ipv4/ip_forward') === '1'
      ? ok('ip_forward', 'on')
      : warning(
          'ip_forward',
          'off: guests reach this host and each other, but nothing beyond',
          'sysctl -w net.ipv4.ip_forward=1, and in /etc/sysctl.d to keep it',
        ),
  );
  // The kernel takes the larger of the two; a new link starts with the default one.
  const strict = [value('net/ipv4/conf/all/rp_filter'), value('net/ipv4/conf/default/rp_filter')];
  const largest = Math.max(...strict.map((text) => Number(text ?? 0)));
  found.push(
    largest === 1
      ? warning(
          'rp_filter',
          'strict: answers that come back another way than they went are dropped',
          'With several uplinks: sysctl -w net.ipv4.conf.all.rp_filter=2',
        )
      : ok('rp_filter', largest === 2 ? 'loose' : 'off'),
  );
  const throughIptables = value('net/bridge/bridge-nf-call-iptables');
  found.push(
    throughIptables === '1'
      ? warning(
          'br_netfilter',
          'Packets inside a bridge go through the host’s forward rules too, which may drop them',
          'sysctl -w net.bridge.bridge-nf-call-iptables=0, unless Kubernetes or the like wants it',
        )
      : ok('br_netfilter', throughIptables === null ? 'not loaded' : 'off'),
  );
  const dropping = chains === null ? [] : droppingChains(chains);
  if (dropping.length > 0) {
    found.push(
      warning(
        'forward policy',
        `Dropped by default in ${dropping.join(', ')}: no rule of thaw can undo that`,
        'Accept the bridges there (with Docker: in the chain DOCKER-USER; with firewalld: a trusted zone)',
      ),
    );
  }
  return found;
}
