import {
  attribute,
  attributeList,
  attributes,
  flag,
  nest,
  readU16,
  readU32,
  text,
  u16,
  u32,
  type Message,
  type Request,
} from './message.js';
import { AF_BRIDGE, IFLA, INFO, RTM, VLAN } from './rtnetlink.js';

// VLANs of a bridge and of its ports (linux/if_bridge.h), and links in a VLAN (if_link.h).

const SPEC = { flags: 0, vlan: 2 };
const SELF = 2;
const PVID = 2;
const UNTAGGED = 4;
const ENTRY = { entry: 1, info: 1, rangeEnd: 2 };

function ofPort(type: number, { index, vlan }: PortVlan, spec: { flags: number; self?: true }): Request {
  return {
    type,
    flags: flag.ack,
    body: Buffer.concat([
      Buffer.from([AF_BRIDGE, 0, 0, 0]),
      u32(index),
      u32(0),
      u32(0),
      nest(
        IFLA.familySpec,
        ...(spec.self ? [attribute(SPEC.flags, u16(SELF))] : []),
        attribute(SPEC.vlan, Buffer.concat([u16(spec.flags), u16(vlan)])),
      ),
    ]),
  };
}

export interface PortVlan {
  /** The link's index. */
  readonly index: number;
  readonly vlan: number;
}

/** What comes in at a port without a tag is in this VLAN, and what is in this VLAN leaves there without one. */
export const addAccess = (where: PortVlan): Request => ofPort(RTM.setLink, where, { flags: PVID | UNTAGGED });

/** Nothing of this VLAN comes in at a port or leaves there; harmless where that is so already. */
export const dropVlan = (where: PortVlan): Request => ofPort(RTM.delLink, where, { flags: 0 });

/** The bridge itself takes part in a VLAN, with tags. */
export const joinItself = (where: PortVlan): Request => ofPort(RTM.setLink, where, { flags: 0, self: true });

/** Makes the host's own link in a VLAN of a bridge. */
export function newVlanLink(name: string, { index, vlan }: PortVlan): Request {
  return {
    type: RTM.newLink,
    flags: flag.ack | flag.create | flag.excl,
    body: Buffer.concat([
      Buffer.alloc(16),
      text(IFLA.name, name),
      attribute(IFLA.link, u32(index)),
      nest(IFLA.info, text(INFO.kind, 'vlan'), nest(INFO.data, attribute(VLAN.id, u16(vlan)))),
    ]),
  };
}

/** Asks for the VLANs of a bridge's port, or of a bridge itself. */
export function getVlans(index: number): Request {
  return {
    type: RTM.getVlan,
    flags: flag.dump,
    body: Buffer.concat([Buffer.from([AF_BRIDGE, 0, 0, 0]), u32(index)]),
  };
}

/** A VLAN, or several in a row, in which a port is alike. */
export interface Membership {
  readonly first: number;
  readonly last: number;
  /** It is where frames without a tag belong, and frames leave without one. */
  readonly access: boolean;
}

/** A message of {@link getVlans}; of the link with this index alone. */
export function readVlans(message: Message, index: number): readonly Membership[] {
  if (readU32(message.body, 4) !== index) return [];
  return attributeList(message.body.subarray(8)).flatMap(({ kind, value }) => {
    const entry = attributes(value);
    const info = entry.get(ENTRY.info);
    if (kind !== ENTRY.entry || !info) return [];
    const [flags, first] = [readU16(info), readU16(info, 2)];
    const end = entry.get(ENTRY.rangeEnd);
    const access = (flags & PVID) !== 0 && (flags & UNTAGGED) !== 0;
    return [{ first, last: end ? readU16(end) : first, access }];
  });
}
