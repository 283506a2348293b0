import type { Difference } from '../../contract.js';
import { formatSubnet } from '../ipv4.js';
import type { Network } from '../networks.js';

const forward = 'net/ipv4/ip_forward';
const forward6 = 'net/ipv6/conf/all/forwarding';
const strict = 'net/ipv4/conf/all/rp_filter';
const callIptables = 'net/bridge/bridge-nf-call-iptables';
const strictOf = (link: string) => `net/ipv4/conf/${link.replaceAll('/', '.')}/rp_filter`;

/** The kernel parameters that {@link sysctlDifferences} wants to see. */
export function sysctlNames(networks: readonly Network[]): readonly string[] {
  return [forward, forward6, strict, callIptables, ...networks.map(({ hostLink }) => strictOf(hostLink))];
}

/** Whether frames from one port of a bridge to another pass through the host's rules for IP. */
export function bridgedIsFiltered(sysctls: ReadonlyMap<string, string | null>): boolean {
  return sysctls.get(callIptables) === '1';
}

/** Kernel parameters that cut the VMs' traffic. Pure. */
export function sysctlDifferences(
  networks: readonly Network[],
  sysctls: ReadonlyMap<string, string | null>,
): readonly Difference[] {
  const found: Difference[] = [];
  if (networks.some(({ nat }) => nat) && sysctls.get(forward) !== '1')
    found.push({
      what: 'net.ipv4.ip_forward',
      problem: 'it is off: VMs reach nothing beyond their network',
      remedy: 'Run sysctl -w net.ipv4.ip_forward=1, and see what turned it off since thawd’s start',
    });
  if (networks.some(({ nat, six }) => nat && six) && sysctls.get(forward6) !== '1')
    found.push({
      what: 'net.ipv6.conf.all.forwarding',
      problem: 'it is off: VMs reach nothing beyond their network by IPv6',
      remedy: 'Run sysctl -w net.ipv6.conf.all.forwarding=1, and see what turned it off since thawd’s start',
    });
  for (const { hostLink, existing, subnet } of networks) {
    // The kernel takes the larger of the two. A bridge of ours holds the route back to its subnet, so strict is harmless.
    const mode = Math.max(Number(sysctls.get(strict) ?? 0), Number(sysctls.get(strictOf(hostLink)) ?? 0));
    if (existing && mode === 1)
      found.push({
        what: `net.ipv4.conf.${hostLink}.rp_filter`,
        problem: `it is strict: packets from ${formatSubnet(subnet)} are dropped unless the host’s route to it leads through ${hostLink}`,
        remedy: `Run sysctl -w net.ipv4.conf.${hostLink}.rp_filter=2, and the same for "all"`,
      });
  }
  return found;
}
