import { look } from '../../contract.js';
import { dyingGroup } from '../names.js';
import { getAddresses, readAddress, type LinkAddress } from '../netlink/address.js';
import { getAddresses6, readAddress6, type LinkAddress6 } from '../netlink/address6.js';
import { readLink, type Link } from '../netlink/link-info.js';
import * as ask from '../netlink/link-requests.js';
import type { Message, Request } from '../netlink/message.js';
import { getVlans, readVlans, type Membership } from '../netlink/vlan-requests.js';
import { getRoutes, readDefaultRoute } from '../netlink/route-requests.js';
import { errno, failed } from './libc.js';
import { NetlinkSocket, protocol } from './netlink-socket.js';

/** Links and addresses of the network namespace in which it was opened. */
export class Route {
  readonly #socket = new NetlinkSocket(protocol.route);

  /** Asks for changes that must all succeed; `what` is for the error. */
  change(what: string, requests: readonly Request[]): void {
    this.refused(what, requests, 0);
  }

  /** As {@link change}; returns whether something failed for this very reason, which the caller has better words for. */
  refused(what: string, requests: readonly Request[], known: number): boolean {
    const replies = this.#socket.ask(requests);
    if (replies.find(({ code }) => code < 0)?.code === known) return true;
    for (const { code, words } of replies)
      if (code < 0) throw failed(words === '' ? what : `${what} (${words})`, code);
    return false;
  }

  /** Asks for changes that may be refused. */
  attempt(requests: readonly Request[]): void {
    this.#socket.ask(requests);
  }

  /**
   * Keeps a link without an IPv6 link-local address: neither host nor guests shall talk over it. A host without IPv6,
   * or a link whose MTU is too small for it, has none anyway.
   */
  withoutLinkLocal(name: string): void {
    for (const { code } of this.#socket.ask([ask.noLinkLocal(name)]))
      if (code < 0 && code !== errno.noFamily) throw failed(`keeping ${name} without IPv6`, code);
  }

  /** A link by name; null where there is none. */
  link(name: string): Link | null {
    return this.linksNamed([name])[0] ?? null;
  }

  /** Links by name, in one go; null for one that does not exist. */
  linksNamed(names: readonly string[]): readonly (Link | null)[] {
    const replies = this.#socket.ask(names.map(ask.getLink));
    return replies.map(({ code, messages: [message] }, n) => {
      if (code === errno.noDevice) return null;
      if (code < 0) throw failed(`looking at the link ${names[n] ?? ''}`, code);
      return message ? readLink(message) : null;
    });
  }

  links(): readonly Link[] {
    return this.#list('looking at the links', ask.getLinks()).map(readLink);
  }

  addresses(): readonly LinkAddress[] {
    return this.#list('looking at the addresses', getAddresses()).map(readAddress);
  }

  addresses6(): readonly LinkAddress6[] {
    return this.#list('looking at the IPv6 addresses', getAddresses6()).flatMap(readAddress6);
  }

  /** The VLANs of a bridge's port. */
  vlans(index: number): readonly Membership[] {
    return this.#list('looking at the VLANs', getVlans(index)).flatMap((one) => readVlans(one, index));
  }

  /** The default routes, each by its link's index. */
  defaultRoutes(): readonly { readonly link: number; readonly gateway: number }[] {
    return this.#list('looking at the routes', getRoutes()).flatMap(readDefaultRoute);
  }

  close(): void {
    this.#socket.close();
  }

  #list(what: string, request: Request): readonly Message[] {
    const { code, messages } = this.#socket.list(request);
    if (code < 0) throw failed(what, code);
    return messages;
  }
}

/**
 * Deletes links, those that are gone already included. The kernel waits for a grace period (10 to 20 ms) with each
 * deletion, but only once for all links of a group: so several are moved into one first, unless somebody else's link
 * is in it. It happens off the main thread, over a socket of its own.
 */
export async function deleteLinks(indexes: readonly number[]): Promise<void> {
  const socket = new NetlinkSocket(protocol.route);
  try {
    const inGroup = indexes.length < 2 ? [] : socket.list(ask.getLinks()).messages.map(readLink);
    const strangers = inGroup.some(({ group, index }) => group === dyingGroup && !indexes.includes(index));
    const together = indexes.length > 1 && !strangers;
    const requests = together
      ? [...indexes.map((index) => ask.regroup(index, dyingGroup)), ask.deleteGroup(dyingGroup)]
      : indexes.map(ask.deleteLink);
    for (const { code } of await socket.askSlowly(requests))
      if (code < 0 && code !== errno.noDevice) throw failed('deleting links', code);
  } finally {
    socket.close();
  }
}

export const lookAtLink = look('link.look', ({ route, name }: { route: Route; name: string }) =>
  route.link(name),
);

/** A port and the bridge that it belongs into; its VLANs too where it is to have one. */
export const lookAtTap = look(
  'tap.look',
  ({
    route,
    name,
    bridge,
    vlan,
  }: {
    route: Route;
    name: string;
    bridge: string;
    vlan?: number | undefined;
  }) => {
    const [link = null, master = null] = route.linksNamed([name, bridge]);
    return { link, bridge: master, vlans: link && vlan !== undefined ? route.vlans(link.index) : [] };
  },
);

export const lookAtLinks = look('links.look', (route: Route) => ({
  links: route.links(),
  addresses: route.addresses(),
  addresses6: route.addresses6(),
}));
