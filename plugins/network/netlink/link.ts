import {
  attribute,
  attributes,
  flag,
  nest,
  readText,
  readU32,
  replace,
  text,
  u16,
  u32,
  type Message,
  type Request,
} from './message.js';

// Links and their addresses over rtnetlink (linux/rtnetlink.h, if_link.h): pure coding.

const RTM = { newLink: 16, delLink: 17, getLink: 18, setLink: 19, newAddress: 20, getAddress: 22 };
const IFLA = {
  address: 1,
  name: 3,
  mtu: 4,
  master: 10,
  info: 18,
  alias: 20,
  familySpec: 26,
  group: 27,
  extent: 29,
  carrier: 33,
};
const INFO = { kind: 1, data: 2, slaveKind: 4, slaveData: 5 };
const BRIDGE = { forwardDelay: 1, stp: 5 };
const PORT = { isolated: 33 };
const TUN = { type: 3, persist: 6, multiQueue: 7 };
const IFA = { address: 1, local: 2, broadcast: 4 };
const AF_INET = 2;
const AF_INET6 = 10;
const INET6_ADDR_GEN_MODE = 8;
const genModeNone = 1;
const IFF_UP = 1;

/** What the kernel says about a link. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly alias: string | null;
  readonly mac: string;
  readonly mtu: number;
  readonly up: boolean;
  /** For a tap: somebody has it open. */
  readonly carrier: boolean;
  readonly master: number | null;
  readonly group: number;
  /** `bridge`, `tun`, `veth`, …; null for hardware. */
  readonly kind: string | null;
  /** As a port of a bridge. */
  readonly isolated: boolean;
  /** Null for what is no tap. */
  readonly tap: { readonly persistent: boolean; readonly multiQueue: boolean } | null;
  /** Null for what is no bridge. */
  readonly bridge: { readonly stp: boolean; readonly forwardDelay: number } | null;
}

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

/** Makes a bridge without spanning tree and without the wait that it brings. */
export function newBridge(name: string, mac: string): Request {
  const data = nest(INFO.data, attribute(BRIDGE.forwardDelay, u32(0)), attribute(BRIDGE.stp, u32(0)));
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

/** A message of {@link getLink} or {@link getLinks}. */
export function readLink(message: Message): Link {
  const all = attributes(message.body.subarray(16));
  const info = attributes(all.get(IFLA.info) ?? Buffer.alloc(0));
  const kindBytes = info.get(INFO.kind);
  const kind = kindBytes ? readText(kindBytes) : null;
  const data = attributes(info.get(INFO.data) ?? Buffer.alloc(0));
  const port = attributes(info.get(INFO.slaveData) ?? Buffer.alloc(0));
  const number = (from: ReadonlyMap<number, Buffer>, key: number) => {
    const value = from.get(key);
    return value && value.length >= 4 ? readU32(value) : 0;
  };
  const byte = (from: ReadonlyMap<number, Buffer>, key: number) => from.get(key)?.[0] ?? 0;
  const alias = all.get(IFLA.alias);
  const master = number(all, IFLA.master);
  return {
    index: readU32(message.body, 4),
    name: readText(all.get(IFLA.name) ?? Buffer.alloc(0)),
    alias: alias ? readText(alias) : null,
    mac: [...(all.get(IFLA.address) ?? [])].map((n) => n.toString(16).padStart(2, '0')).join(':'),
    mtu: number(all, IFLA.mtu),
    up: (readU32(message.body, 8) & IFF_UP) !== 0,
    carrier: byte(all, IFLA.carrier) === 1,
    master: master === 0 ? null : master,
    group: number(all, IFLA.group),
    kind,
    isolated: byte(port, PORT.isolated) === 1,
    tap:
      kind === 'tun' && byte(data, TUN.type) === 2
        ? { persistent: byte(data, TUN.persist) === 1, multiQueue: byte(data, TUN.multiQueue) === 1 }
        : null,
    bridge:
      kind === 'bridge'
        ? { stp: number(data, BRIDGE.stp) !== 0, forwardDelay: number(data, BRIDGE.forwardDelay) }
        : null,
  };
}

/** An IPv4 address of a link. */
export interface LinkAddress {
  readonly index: number;
  readonly address: number;
  readonly prefix: number;
}

/** Gives a link an IPv4 address; harmless where it has it. */
export function addAddress({ index, address, prefix }: LinkAddress): Request {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(address);
  const broadcast = Buffer.alloc(4);
  broadcast.writeUInt32BE((address | (prefix === 0 ? 0xffffffff : 2 ** (32 - prefix) - 1)) >>> 0);
  return {
    type: RTM.newAddress,
    flags: flag.ack | flag.create | replace,
    body: Buffer.concat([
      Buffer.from([AF_INET, prefix, 0, 0]),
      u32(index),
      attribute(IFA.local, bytes),
      attribute(IFA.address, bytes),
      attribute(IFA.broadcast, broadcast),
    ]),
  };
}

/** Asks for all IPv4 addresses. */
export function getAddresses(): Request {
  return { type: RTM.getAddress, flags: flag.dump, body: Buffer.from([AF_INET, 0, 0, 0, 0, 0, 0, 0]) };
}

/** A message of {@link getAddresses}. */
export function readAddress(message: Message): LinkAddress {
  const all = attributes(message.body.subarray(8));
  const bytes = all.get(IFA.local) ?? all.get(IFA.address);
  return {
    index: readU32(message.body, 4),
    address: bytes && bytes.length === 4 ? bytes.readUInt32BE() : 0,
    prefix: message.body[1] ?? 0,
  };
}
