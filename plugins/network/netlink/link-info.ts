import { attributes, readText, readU16, readU32, type Message } from './message.js';
import { IFLA, INFO, BRIDGE, PORT, TUN, VLAN, IFF_UP } from './rtnetlink.js';

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
  readonly bridge: {
    readonly stp: boolean;
    readonly forwardDelay: number;
    readonly filtersVlans: boolean;
    /** The VLAN that ports are put into as they come; 0 for none. */
    readonly defaultVlan: number;
  } | null;
  /** Null for what is no link in a VLAN of another. */
  readonly vlan: { readonly id: number; readonly of: number } | null;
}

/** A message of `getLink` or `getLinks`. */
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
  const short = (from: ReadonlyMap<number, Buffer>, key: number) => {
    const value = from.get(key);
    return value && value.length >= 2 ? readU16(value) : 0;
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
        ? {
            stp: number(data, BRIDGE.stp) !== 0,
            forwardDelay: number(data, BRIDGE.forwardDelay),
            filtersVlans: byte(data, BRIDGE.vlanFiltering) === 1,
            defaultVlan: short(data, BRIDGE.defaultVlan),
          }
        : null,
    vlan: kind === 'vlan' ? { id: short(data, VLAN.id), of: number(all, IFLA.link) } : null,
  };
}
