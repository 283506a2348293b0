/** Addresses, links, routes and neighbours of the guest as part of its memory: `ip` tells them and puts them back. */
import { guestPath } from './namespaces.js';

interface Link {
  ifname: string;
  flags?: string[];
  mtu?: number;
  addr_info?: {
    family: string;
    local: string;
    prefixlen: number;
    scope?: string;
    broadcast?: string;
    protocol?: string;
  }[];
}
interface Route {
  dst?: string;
  gateway?: string;
  dev?: string;
  metric?: number;
  protocol?: string;
  scope?: string;
  prefsrc?: string;
  type?: string;
}

export interface NetworkMemory {
  links: Link[];
  routes: Route[];
  routes6: Route[];
}

/** Runs in the guest; prints three JSON documents, one a line. */
export const dumpScript = `PATH=${guestPath}
ip -j addr show | tr -d '\\n'; echo
ip -j route show | tr -d '\\n'; echo
ip -j -6 route show | tr -d '\\n'; echo
`;

export function parseDump(text: string): NetworkMemory {
  const [links, routes, routes6] = text.split('\n');
  const parse = (line: string | undefined): unknown =>
    JSON.parse(line === undefined || line.trim() === '' ? '[]' : line);
  return {
    links: parse(links) as Link[],
    routes: parse(routes) as Route[],
    routes6: parse(routes6) as Route[],
  };
}

function routeLine(route: Route, family: 4 | 6): string | undefined {
  // The kernel makes these itself as soon as the address is there.
  if (route.protocol === 'kernel' || route.dst === undefined) return undefined;
  // `default` alone would be IPv4's.
  const dst = route.dst === 'default' && family === 6 ? '::/0' : route.dst;
  const words = ['route replace', route.type ?? '', dst];
  if (route.gateway !== undefined) words.push('via', route.gateway);
  if (route.dev !== undefined) words.push('dev', route.dev);
  if (route.metric !== undefined) words.push('metric', String(route.metric));
  if (route.prefsrc !== undefined) words.push('src', route.prefsrc);
  if (route.scope !== undefined && family === 4) words.push('scope', route.scope);
  return words.filter((word) => word !== '').join(' ');
}

/** Lines for `ip -batch -force -` that bring the network back; none for a guest that had only its loopback. */
export function restoreLines(memory: NetworkMemory): string[] {
  const lines: string[] = [];
  for (const link of memory.links) {
    if (link.mtu !== undefined && link.ifname !== 'lo')
      lines.push(`link set dev ${link.ifname} mtu ${link.mtu}`);
    for (const address of link.addr_info ?? []) {
      const own =
        address.protocol === 'kernel_lo' || address.protocol === 'kernel_ll' || link.ifname === 'lo';
      if (
        own &&
        (address.local.startsWith('127.') || address.local === '::1' || address.local.startsWith('fe80'))
      )
        continue;
      // A memory's addresses were proven long ago.
      const six = address.local.includes(':') ? ' nodad' : '';
      const broadcast = address.broadcast === undefined ? '' : ` broadcast ${address.broadcast}`;
      lines.push(
        `address replace ${address.local}/${address.prefixlen}${broadcast} dev ${link.ifname}${six}`,
      );
    }
    if (link.flags?.includes('UP') && link.ifname !== 'lo') lines.push(`link set dev ${link.ifname} up`);
  }
  for (const route of memory.routes) lines.push(routeLine(route, 4) ?? '');
  for (const route of memory.routes6) lines.push(routeLine(route, 6) ?? '');
  return lines.filter((line) => line !== '');
}
