import { addressBytes6, addressOf6 } from '../ipv6.js';
import { attribute, attributes, flag, readU32, replace, u32, type Message, type Request } from './message.js';
import { AF_INET6, IFA, RTM } from './rtnetlink.js';

// Nobody else has our addresses: usable at once, without duplicate address detection.
const IFA_F_NODAD = 0x02;

/** An IPv6 address of a link. */
export interface LinkAddress6 {
  readonly index: number;
  readonly address: bigint;
  readonly prefix: number;
}

/** Gives a link an IPv6 address; harmless where it has it. */
export function addAddress6({ index, address, prefix }: LinkAddress6): Request {
  const bytes = addressBytes6(address);
  return {
    type: RTM.newAddress,
    flags: flag.ack | flag.create | replace,
    body: Buffer.concat([
      Buffer.from([AF_INET6, prefix, IFA_F_NODAD, 0]),
      u32(index),
      attribute(IFA.local, bytes),
      attribute(IFA.address, bytes),
    ]),
  };
}

/** Asks for all IPv6 addresses. */
export function getAddresses6(): Request {
  return { type: RTM.getAddress, flags: flag.dump, body: Buffer.from([AF_INET6, 0, 0, 0, 0, 0, 0, 0]) };
}

/** A message of {@link getAddresses6}; a kernel without IPv6 answers with other families' addresses. */
export function readAddress6(message: Message): readonly LinkAddress6[] {
  const all = attributes(message.body.subarray(8));
  const bytes = all.get(IFA.local) ?? all.get(IFA.address);
  if (message.body[0] !== AF_INET6 || bytes?.length !== 16) return [];
  return [{ index: readU32(message.body, 4), address: addressOf6(bytes), prefix: message.body[1] ?? 0 }];
}

/** Takes an IPv6 address off a link. */
export function deleteAddress6({ index, address, prefix }: LinkAddress6): Request {
  return {
    type: RTM.deleteAddress,
    flags: flag.ack,
    body: Buffer.concat([
      Buffer.from([AF_INET6, prefix, 0, 0]),
      u32(index),
      attribute(IFA.local, addressBytes6(address)),
    ]),
  };
}
