import type { Context, PluginHost } from '../contract.js';
import { readSysctls, writeSysctl } from './effects/sysctl.js';
import type { Network } from './networks.js';

type Links = readonly { readonly name: string }[];

/** How a link is called in a path beneath `/proc/sys/net`, where every "/" of a name is a ".". */
const sysctlPath = (link: string): string => link.replaceAll('/', '.');

const isOff = async (name: string, { cx }: PluginHost) => (await readSysctls([name], cx)).get(name) === '0';

/**
 * Lets the host forward where a network has NAT. Of the whole host: answers come in by whatever link leads outside, and
 * that may change.
 */
export async function allowForwarding(
  networks: readonly Network[],
  links: Links,
  host: PluginHost,
): Promise<void> {
  const nat = networks.filter((network) => network.nat);
  if (nat.length > 0) await allow4(host);
  if (nat.some(({ six }) => six)) await allow6(links, host);
}

async function allow4(host: PluginHost): Promise<void> {
  const name = 'net/ipv4/ip_forward';
  if (!(await isOff(name, host))) return;
  await writeSysctl({ name, value: '1' }, host.cx);
  host.log('warn', 'The host forwards IPv4 from now on, because a network has NAT (net.ipv4.ip_forward = 1)');
}

async function allow6(links: Links, host: PluginHost): Promise<void> {
  const name = 'net/ipv6/conf/all/forwarding';
  if (!(await isOff(name, host))) return;
  // Who forwards takes no router advertisements unless told to (2): the host would lose its own way out.
  const others = links.filter(({ name }) => name !== 'lo');
  const accept = others.map((link) => `net/ipv6/conf/${sysctlPath(link.name)}/accept_ra`);
  const values = await readSysctls(accept, host.cx);
  const kept = accept.filter((one) => values.get(one) === '1');
  for (const one of kept) await writeSysctl({ name: one, value: '2' }, host.cx);
  await writeSysctl({ name, value: '1' }, host.cx);
  host.log(
    'warn',
    'The host forwards IPv6 from now on, because a network has NAT (net.ipv6.conf.all.forwarding = 1); links that took router advertisements still do (accept_ra = 2)',
    { links: kept },
  );
}

/** Lets a link of ours have IPv6 where this host keeps it from new links. */
export async function allowIpv6(link: string, cx: Context): Promise<void> {
  const name = `net/ipv6/conf/${sysctlPath(link)}/disable_ipv6`;
  if ((await readSysctls([name], cx)).get(name) === '1') await writeSysctl({ name, value: '0' }, cx);
}
