import { endianness } from 'node:os';

// Netlink messages and attributes as bytes (linux/netlink.h). Numbers are in the host's byte order unless a name says
// otherwise.

const little = endianness() === 'LE';
const headerBytes = 16;

/** A message to send; its sequence number is the socket's to choose. */
export interface Request {
  readonly type: number;
  /** Beside NLM_F_REQUEST. */
  readonly flags: number;
  /** The family's own header and the attributes. */
  readonly body: Buffer;
}

/** A message received. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Buffer;
}

export const flag = { request: 1, ack: 4, dumpInterrupted: 0x10, excl: 0x200, dump: 0x300, create: 0x400 };
export const replace = 0x100;
export const type = { error: 2, done: 3 };

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  if (little) bytes.writeUInt16LE(value);
  else bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  if (little) bytes.writeUInt32LE(value >>> 0);
  else bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function readU16(bytes: Buffer, at = 0): number {
  return little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
}

export function readU32(bytes: Buffer, at = 0): number {
  return little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
}

export function readI32(bytes: Buffer, at = 0): number {
  return little ? bytes.readInt32LE(at) : bytes.readInt32BE(at);
}

const padded = (length: number) => (length + 3) & ~3;
const nested = 0x8000;

/** One attribute. Its length is 16 bits wide: the caller keeps lists short enough. */
export function attribute(kind: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(padded(4 + value.length));
  u16(4 + value.length).copy(bytes, 0);
  u16(kind).copy(bytes, 2);
  value.copy(bytes, 4);
  return bytes;
}

/** A text attribute, zero-terminated. */
export function text(kind: number, value: string): Buffer {
  return attribute(kind, Buffer.from(`${value}\0`));
}

/** An attribute that holds attributes. */
export function nest(kind: number, ...inner: readonly Buffer[]): Buffer {
  return attribute(kind | nested, Buffer.concat(inner));
}

/** A zero-terminated text. */
export function readText(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

/** The attributes in `bytes`, in order; a broken one ends the list. */
export function attributeList(bytes: Buffer): readonly { readonly kind: number; readonly value: Buffer }[] {
  const list: { kind: number; value: Buffer }[] = [];
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = readU16(bytes, at);
    if (length < 4 || at + length > bytes.length) break;
    list.push({ kind: readU16(bytes, at + 2) & 0x3fff, value: bytes.subarray(at + 4, at + length) });
    at += padded(length);
  }
  return list;
}

/** The attributes in `bytes` by kind; of one kind the last. */
export function attributes(bytes: Buffer): ReadonlyMap<number, Buffer> {
  return new Map(attributeList(bytes).map(({ kind, value }) => [kind, value]));
}

/** A request as it goes over the socket. */
export function encode(request: Request, sequence: number): Buffer {
  const header = Buffer.concat([
    u32(headerBytes + request.body.length),
    u16(request.type),
    u16(request.flags | flag.request),
    u32(sequence),
    u32(0),
  ]);
  return Buffer.concat([
    header,
    request.body,
    Buffer.alloc(padded(request.body.length) - request.body.length),
  ]);
}

/** The messages in one datagram; a broken one ends the list. */
export function decode(datagram: Buffer): readonly Message[] {
  const messages: Message[] = [];
  for (let at = 0; at + headerBytes <= datagram.length;) {
    const length = readU32(datagram, at);
    if (length < headerBytes || at + length > datagram.length) break;
    messages.push({
      type: readU16(datagram, at + 4),
      flags: readU16(datagram, at + 6),
      sequence: readU32(datagram, at + 8),
      body: datagram.subarray(at + headerBytes, at + length),
    });
    at += padded(length);
  }
  return messages;
}

/** What an error message says: 0 for an acknowledgement, else a negative error number, and the kernel's own words. */
export function readError(message: Message): { readonly code: number; readonly words: string } {
  const capped = 0x100;
  const words = 0x200;
  const code = readI32(message.body);
  if ((message.flags & words) === 0) return { code, words: '' };
  // After the code comes the header of what failed, and its body unless capped; then attributes.
  const original = readU32(message.body, 4);
  const skip = 4 + ((message.flags & capped) !== 0 || code === 0 ? headerBytes : padded(original));
  const said = attributes(message.body.subarray(skip)).get(1);
  return { code, words: said ? readText(said) : '' };
}
