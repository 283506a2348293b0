import {
  attribute,
  attributeList,
  attributes,
  flag,
  nest,
  readText,
  text,
  type Message,
  type Request,
} from './message.js';

// Elements of nftables' sets (linux/netfilter/nf_tables.h): pure coding. Netfilter's numbers are big-endian.

const subsystem = 10;
const BATCH = { begin: 16, end: 17 };
const MSG = { newElement: 12, getElement: 13, deleteElement: 14 };
const LIST = { table: 1, set: 2, elements: 3 };
const ELEMENT = { key: 1, data: 2, userData: 6 };
const DATA_VALUE = 1;
const LIST_ELEMENT = 1;
const COMMENT = 0;
const families = { inet: 1, bridge: 7 } as const;

/** A set or map of one of our tables, which are all called `thaw`. */
export interface SetName {
  readonly family: keyof typeof families;
  readonly set: string;
}

/** An element of a set or map. */
export interface Element {
  readonly key: Buffer;
  /** What a map leads to. */
  readonly data?: Buffer;
  /** Shown by `nft list`; at most 127 bytes. */
  readonly comment: string;
}

/** What to add to or take out of one set. */
export interface SetChange extends SetName {
  readonly elements: readonly Element[];
}

/** `struct nfgenmsg`. */
function header(family: number, resource = 0): Buffer {
  return Buffer.from([family, 0, resource >> 8, resource & 255]);
}

function body({ family, set, elements }: SetChange): Buffer {
  const list = elements.map(({ key, data, comment }) => {
    const words = Buffer.from(`${comment}\0`);
    const userData = Buffer.concat([Buffer.from([COMMENT, words.length]), words]);
    return nest(
      LIST_ELEMENT,
      nest(ELEMENT.key, attribute(DATA_VALUE, key)),
      ...(data ? [nest(ELEMENT.data, attribute(DATA_VALUE, data))] : []),
      ...(comment === '' ? [] : [attribute(ELEMENT.userData, userData)]),
    );
  });
  return Buffer.concat([
    header(families[family]),
    text(LIST.table, 'thaw'),
    text(LIST.set, set),
    ...(list.length === 0 ? [] : [nest(LIST.elements, ...list)]),
  ]);
}

const typed = (kind: number) => (subsystem << 8) | kind;

/** Adds elements; one that is there already is left as it is. */
export function addElements(change: SetChange): Request {
  return { type: typed(MSG.newElement), flags: flag.ack | flag.create, body: body(change) };
}

/** Takes elements out. The kernel refuses the whole transaction where one is missing. */
export function deleteElements(change: SetChange): Request {
  return { type: typed(MSG.deleteElement), flags: flag.ack, body: body(change) };
}

/** Asks for one element. */
export function getElement(change: SetChange): Request {
  return { type: typed(MSG.getElement), flags: flag.ack, body: body(change) };
}

/** Asks for all elements of a set. */
export function getElements(name: SetName): Request {
  return { type: typed(MSG.getElement), flags: flag.dump, body: body({ ...name, elements: [] }) };
}

/** The requests as one transaction: all or none. Its own two messages are the first and the last. */
export function transaction(requests: readonly Request[]): readonly Request[] {
  const edge = (type: number): Request => ({ type, flags: 0, body: header(0, subsystem) });
  return [edge(BATCH.begin), ...requests, edge(BATCH.end)];
}

/** A message of {@link getElements}. */
export function readElements(message: Message): readonly Element[] {
  const list = attributes(message.body.subarray(4)).get(LIST.elements);
  return attributeList(list ?? Buffer.alloc(0)).map(({ value }) => {
    const element = attributes(value);
    const key = attributes(element.get(ELEMENT.key) ?? Buffer.alloc(0)).get(DATA_VALUE);
    const userData = element.get(ELEMENT.userData);
    const comment = userData && userData[0] === COMMENT ? readText(userData.subarray(2)) : '';
    const data = attributes(element.get(ELEMENT.data) ?? Buffer.alloc(0)).get(DATA_VALUE);
    return { key: key ?? Buffer.alloc(0), ...(data && { data }), comment };
  });
}

/** An interface's name as a key, padded as the kernel compares it. */
export function linkKey(name: string): Buffer {
  const key = Buffer.alloc(16);
  key.write(name, 0, 15, 'latin1');
  return key;
}

/** A MAC in a concatenated key: each part fills whole words. */
export function macKey(mac: string): Buffer {
  return Buffer.concat([Buffer.from(mac.replaceAll(':', ''), 'hex'), Buffer.alloc(2)]);
}

export function addressKey(address: number): Buffer {
  const key = Buffer.alloc(4);
  key.writeUInt32BE(address);
  return key;
}

/** A port in a concatenated key. */
export function numberKey(port: number): Buffer {
  const key = Buffer.alloc(4);
  key.writeUInt16BE(port);
  return key;
}
