import { formatSubnet } from './ipv4.js';
import { formatSubnet6 } from './ipv6.js';
import { dyingGroup, tapGroup } from './names.js';
import type { Network } from './networks.js';

/**
 * Drops and counts; the comment says what. Counters of their own would outlive this text being loaded again, but need
 * a kernel module (nft_objref) that small kernels do not have.
 */
const named = (what: string) => `counter drop comment "${what}"`;

/**
 * What guests may send. It holds for the ports of thaw's interface group only, wherever the port is; a port without
 * an element in @open is closed. Elements are the daemon's, made over netlink: they outlive this text being loaded again.
 */
function bridgeTable(): string {
  return `
add table bridge thaw
add set bridge thaw open { type ifname; }
add set bridge thaw macs { type ifname . ether_addr; }
add set bridge thaw addresses { type ifname . ether_addr . ipv4_addr; }
add set bridge thaw addresses6 { type ifname . ether_addr . ipv6_addr; }
add set bridge thaw targets6 { typeof iifname . ether saddr . @th,64,128; }
add set bridge thaw cords { type ifname; }
add set bridge thaw cord_peers { type ifname . ether_addr; }
add chain bridge thaw guest
add chain bridge thaw prerouting { type filter hook prerouting priority -300; policy accept; }
add chain bridge thaw forward { type filter hook forward priority filter; policy accept; }
flush chain bridge thaw guest
flush chain bridge thaw prerouting
flush chain bridge thaw forward
table bridge thaw {
  chain guest {
    iifname != @open ${named('closed')}
    iifname . ether saddr != @macs ${named('spoofed_mac')}
    ether type { 0x8100, 0x88a8 } ${named('any_vlan')}
    iifname @cords ether type != arp iifname . ether daddr != @cord_peers ${named('beyond_peer')}
    iifname @cords ether daddr != ff:ff:ff:ff:ff:ff iifname . ether daddr != @cord_peers ${named('beyond_peer')}
    ether type arp arp htype 1 arp ptype ip arp hlen 6 arp plen 4 iifname . arp saddr ether . arp saddr ip @addresses accept
    ether type arp arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp operation request arp saddr ip 0.0.0.0 iifname . arp saddr ether @macs accept
    ether type arp ${named('spoofed_arp')}
    ether type ip udp sport 67 udp dport 68 ${named('dhcp_server')}
    ether type ip iifname . ether saddr . ip saddr @addresses accept
    ether type ip ip saddr 0.0.0.0 udp sport 68 udp dport 67 ${named('dhcp_client')}
    ether type ip ${named('spoofed_ip')}
    ether type ip6 icmpv6 type { nd-router-advert, nd-redirect } ${named('router_advert')}
    ether type ip6 udp sport 547 udp dport 546 ${named('dhcp_server')}
    ether type ip6 icmpv6 type nd-neighbor-advert iifname . ether saddr . @th,64,128 @targets6 iifname . ether saddr . ip6 saddr @addresses6 accept
    ether type ip6 icmpv6 type nd-neighbor-advert ${named('spoofed_neighbour')}
    ether type ip6 iifname . ether saddr . ip6 saddr @addresses6 accept
    ether type ip6 ip6 saddr :: icmpv6 type nd-neighbor-solicit iifname . ether saddr . @th,64,128 @targets6 accept
    ether type ip6 ${named('spoofed_ip6')}
    ${named('any_other')}
  }
  chain prerouting {
    meta iifgroup { ${tapGroup}, ${dyingGroup} } goto guest
  }
  chain forward {
    oifname @cords oifname . ether saddr != @cord_peers ${named('beyond_peer')}
  }
}`;
}

function hostRules({ hostLink, hostAccess, six }: Network): string {
  const from = `iifname "${hostLink}"`;
  return [
    `${from} ct state established,related accept`,
    `${from} icmp type echo-request accept`,
    ...(six ? [`${from} icmpv6 type { echo-request, nd-neighbor-solicit, nd-neighbor-advert } accept`] : []),
    ...hostAccess.map((service) => {
      const [protocol = '', port = ''] = service.split('/');
      return `${from} ${protocol} dport ${port} accept`;
    }),
    `${from} ${named('to_host')}`,
  ].join('\n    ');
}

/**
 * Between VMs of one network by way of the gateway, between networks, and from outside into a NAT's inside. Link-local
 * addresses are never forwarded: a cloud's metadata service would hand the host's credentials to its guests.
 */
function forwardRules(network: Network, networks: readonly Network[]): string {
  const { hostLink, isolate, nat } = network;
  const others = networks.filter((other) => other !== network).map((other) => `"${other.hostLink}"`);
  return [
    `iifname "${hostLink}" oifname "${hostLink}" ${isolate ? named('to_vm') : 'accept'}`,
    `iifname "${hostLink}" ip daddr 169.254.0.0/16 ${named('to_link_local')}`,
    ...(others.length > 0
      ? [`iifname "${hostLink}" oifname { ${others.join(', ')} } ${named('to_vm')}`]
      : []),
    ...(nat
      ? [
          `oifname "${hostLink}" ct state established,related accept`,
          `oifname "${hostLink}" ct status dnat accept`,
          `oifname "${hostLink}" ${named('from_outside')}`,
        ]
      : []),
  ].join('\n    ');
}

function natRules({ hostLink, subnet, six }: Network): readonly string[] {
  const out = `oifname != "${hostLink}" masquerade`;
  return [
    `ip saddr ${formatSubnet(subnet)} ${out}`,
    ...(six ? [`ip6 saddr ${formatSubnet6(six.subnet)} ${out}`] : []),
  ];
}

/**
 * Ports of the host that lead to guests, for whoever asks from outside and for the host itself. Not from 127.0.0.1: to
 * let that out of the host would let the guests see what listens there.
 */
const forwards = `
add table inet thaw
add map inet thaw ports { type inet_proto . inet_service : ipv4_addr . inet_service; }
add map inet thaw address_ports { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
add chain inet thaw forwards
add chain inet thaw prerouting { type nat hook prerouting priority dstnat; policy accept; }
add chain inet thaw output { type nat hook output priority -100; policy accept; }
flush chain inet thaw forwards
flush chain inet thaw prerouting
flush chain inet thaw output
table inet thaw {
  chain forwards {
    ip daddr 127.0.0.0/8 return
    dnat ip to ip daddr . meta l4proto . th dport map @address_ports
    dnat ip to meta l4proto . th dport map @ports
  }
  chain prerouting {
    fib daddr type local jump forwards
  }
  chain output {
    fib daddr type local jump forwards
  }
}
`;

function inetTable(networks: readonly Network[]): string {
  return `
add table inet thaw
add set inet thaw cord_pairs { type ipv4_addr . ipv4_addr; }
add chain inet thaw input { type filter hook input priority filter; policy accept; }
add chain inet thaw forward { type filter hook forward priority filter; policy accept; }
add chain inet thaw postrouting { type nat hook postrouting priority srcnat; policy accept; }
flush chain inet thaw input
flush chain inet thaw forward
flush chain inet thaw postrouting
table inet thaw {
  chain input {
    ${networks.map(hostRules).join('\n    ')}
  }
  chain forward {
    ip saddr . ip daddr @cord_pairs accept
    ${networks.map((network) => forwardRules(network, networks)).join('\n    ')}
  }
  chain postrouting {
    ${networks
      .filter(({ nat }) => nat)
      .flatMap(natRules)
      .join('\n    ')}
  }
}`;
}

/**
 * Both tables as one transaction for `nft -f -`: makes what is missing, replaces the rules, keeps elements.
 * Pure.
 */
export function rulesetText(networks: readonly Network[]): string {
  return `${bridgeTable()}\n${inetTable(networks)}\n`;
}

/**
 * What ports of the host need besides, in a transaction of its own: it takes modules (nft_nat, nft_fib_inet) that small
 * kernels do not have, and without them only ports are refused.
 */
export const forwardsText = forwards;

/** Takes both tables away, whether they are there or not. */
export const rulesetRemoval = `
add table bridge thaw
delete table bridge thaw
add table inet thaw
delete table inet thaw
`;
