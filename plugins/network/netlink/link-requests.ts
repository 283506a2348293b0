import { attribute, flag, nest, text, u16, u32, type Request } from './message.js';
import {
  RTM,
  IFLA,
  INFO,
  BRIDGE,
  PORT,
  AF_INET,
  AF_INET6,
  DEVCONF_PROXY_ARP,
  IFLA_INET_CONF,
  INET6_ADDR_GEN_MODE,
  genModeNone,
  IFF_UP,
  VETH_PEER,
} from './rtnetlink.js';

/** What to change of a link; what is not named stays. */
export interface LinkChange {
  readonly alias?: string;
  readonly mac?: string;
  readonly mtu?: number;
  readonly master?: number;
  readonly group?: number;
  readonly up?: boolean;
}

/** `struct ifinfomsg`. */
function header(index: number, up?: boolean): Buffer {
  const flags = up === undefined ? 0 : IFF_UP;
  return Buffer.concat([u16(0), u16(0), u32(index), u32(up === true ? IFF_UP : 0), u32(flags)]);
}

const macBytes = (mac: string) => Buffer.from(mac.replaceAll(':', ''), 'hex');

function changes(change: LinkChange): readonly Buffer[] {
  const list: Buffer[] = [];
  if (change.mac !== undefined) list.push(attribute(IFLA.address, macBytes(change.mac)));
  if (change.mtu !== undefined) list.push(attribute(IFLA.mtu, u32(change.mtu)));
  if (change.master !== undefined) list.push(attribute(IFLA.master, u32(change.master)));
  if (change.group !== undefined) list.push(attribute(IFLA.group, u32(change.group)));
  // The kernel takes an alias with its length, no terminating zero.
  if (change.alias !== undefined) list.push(attribute(IFLA.alias, Buffer.from(change.alias)));
  return list;
}

/** Of no use here, and most of an answer's bytes. */
const withoutStatistics = attribute(IFLA.extent, u32(8));

/** Asks for one link by name. */
export function getLink(name: string): Request {
  return {
    type: RTM.getLink,
    flags: flag.ack,
    body: Buffer.concat([header(0), withoutStatistics, text(IFLA.name, name)]),
  };
}

/** Asks for all links. */
export function getLinks(): Request {
  return { type: RTM.getLink, flags: flag.dump, body: Buffer.concat([header(0), withoutStatistics]) };
}

export function changeLink(name: string, change: LinkChange): Request {
  return {
    type: RTM.setLink,
    flags: flag.ack,
    body: Buffer.concat([header(0, change.up), text(IFLA.name, name), ...changes(change)]),
  };
}

/** No IPv6 link-local address, from the next time that it would get one. */
export function noLinkLocal(name: string): Request {
  const mode = attribute(INET6_ADDR_GEN_MODE, Buffer.from([genModeNone]));
  const spec = nest(IFLA.familySpec, nest(AF_INET6, mode));
  return {
    type: RTM.setLink,
    flags: flag.ack,
    body: Buffer.concat([header(0), text(IFLA.name, name), spec]),
  };
}

/** ARP is answered on this link for whatever lies beyond another one. */
export function answerArp(name: string): Request {
  const proxy = nest(IFLA_INET_CONF, attribute(DEVCONF_PROXY_ARP, u32(1)));
  return {
    type: RTM.setLink,
    flags: flag.ack,
    body: Buffer.concat([header(0), text(IFLA.name, name), nest(IFLA.familySpec, nest(AF_INET, proxy))]),
  };
}

/** For a link that is in a bridge already: whether it can reach other isolated ports. */
export function isolatePort(name: string, isolated: boolean): Request {
  const data = nest(INFO.slaveData, attribute(PORT.isolated, Buffer.from([isolated ? 1 : 0])));
  return {
    type: RTM.newLink,
    flags: flag.ack,
    body: Buffer.concat([
      header(0),
      text(IFLA.name, name),
      nest(IFLA.info, text(INFO.slaveKind, 'bridge'), data),
    ]),
  };
}

/**
 * Makes a bridge without spanning tree and without the wait that it brings. `vlans`: it keeps VLANs apart, and puts no
 * port into one by itself.
 */
export function newBridge(name: string, mac: string, vlans: boolean): Request {
  const apart = vlans
    ? [attribute(BRIDGE.vlanFiltering, Buffer.from([1])), attribute(BRIDGE.defaultVlan, u16(0))]
    : [];
  const data = nest(
    INFO.data,
    attribute(BRIDGE.forwardDelay, u32(0)),
    attribute(BRIDGE.stp, u32(0)),
    ...apart,
  );
  return {
    type: RTM.newLink,
    flags: flag.ack | flag.create | flag.excl,
    body: Buffer.concat([
      header(0),
      text(IFLA.name, name),
      attribute(IFLA.address, macBytes(mac)),
      nest(IFLA.info, text(INFO.kind, 'bridge'), data),
    ]),
  };
}

/** The two ends of a virtual cable. */
export interface Cable {
  readonly name: string;
  readonly group: number;
  readonly mtu: number;
  readonly peer: {
    readonly name: string;
    readonly mac: string;
    /** The network namespace that it is made in. */
    readonly namespaceFd: number;
  };
}

export function newVeth({ name, group, mtu, peer }: Cable): Request {
  const other = Buffer.concat([
    header(0),
    text(IFLA.name, peer.name),
    attribute(IFLA.address, macBytes(peer.mac)),
    attribute(IFLA.mtu, u32(mtu)),
    attribute(IFLA.namespaceFd, u32(peer.namespaceFd)),
  ]);
  return {
    type: RTM.newLink,
    flags: flag.ack | flag.create | flag.excl,
    body: Buffer.concat([
      header(0),
      text(IFLA.name, name),
      attribute(IFLA.group, u32(group)),
      attribute(IFLA.mtu, u32(mtu)),
      nest(IFLA.info, text(INFO.kind, 'veth'), nest(INFO.data, nest(VETH_PEER, other))),
    ]),
  };
}

export function deleteLink(index: number): Request {
  return { type: RTM.delLink, flags: flag.ack, body: header(index) };
}

/** Puts a link into another interface group. */
export function regroup(index: number, group: number): Request {
  return {
    type: RTM.setLink,
    flags: flag.ack,
    body: Buffer.concat([header(index), attribute(IFLA.group, u32(group))]),
  };
}

/** Deletes all links of a group, with one grace period for all of them. */
export function deleteGroup(group: number): Request {
  return {
    type: RTM.delLink,
    flags: flag.ack,
    body: Buffer.concat([header(0), attribute(IFLA.group, u32(group))]),
  };
}
