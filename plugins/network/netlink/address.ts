import { attribute, attributes, flag, readU32, replace, u32, type Message, type Request } from './message.js';
import { RTM, IFA, AF_INET } from './rtnetlink.js';

/** An IPv4 address of a link. */
export interface LinkAddress {
  readonly index: number;
  readonly address: number;
  readonly prefix: number;
}

/** Gives a link an IPv4 address; harmless where it has it. `scope` link: it serves on that link only. */
export function addAddress({
  index,
  address,
  prefix,
  scope,
}: LinkAddress & { readonly scope?: 'link' }): Request {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(address);
  const broadcast = Buffer.alloc(4);
  broadcast.writeUInt32BE((address | (prefix === 0 ? 0xffffffff : 2 ** (32 - prefix) - 1)) >>> 0);
  return {
    type: RTM.newAddress,
    flags: flag.ack | flag.create | replace,
    body: Buffer.concat([
      Buffer.from([AF_INET, prefix, 0, scope === 'link' ? 253 : 0]),
      u32(index),
      attribute(IFA.local, bytes),
      attribute(IFA.address, bytes),
      // Of a single address the broadcast one would be itself.
      ...(prefix > 30 ? [] : [attribute(IFA.broadcast, broadcast)]),
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

/** Takes an IPv4 address off a link. */
export function deleteAddress({ index, address, prefix }: LinkAddress): Request {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(address);
  return {
    type: RTM.deleteAddress,
    flags: flag.ack,
    body: Buffer.concat([Buffer.from([AF_INET, prefix, 0, 0]), u32(index), attribute(IFA.local, bytes)]),
  };
}
