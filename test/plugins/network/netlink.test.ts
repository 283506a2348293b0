import fc from 'fast-check';
import t from 'tap';
import { readLink } from '../../../plugins/network/netlink/link-info.js';
import { readElements } from '../../../plugins/network/netlink/elements.js';
import {
  attribute,
  attributeList,
  decode,
  encode,
  readError,
  text,
  readText,
} from '../../../plugins/network/netlink/message.js';

const bytes = (max: number) => fc.uint8Array({ maxLength: max }).map((array) => Buffer.from(array));

t.test('attributes come back as they were written, whatever their length', (t) => {
  const one = fc.record({ kind: fc.nat(0x3fff), value: bytes(300) });
  fc.assert(
    fc.property(fc.array(one), (list) => {
      const read = attributeList(Buffer.concat(list.map(({ kind, value }) => attribute(kind, value))));
      return (
        read.length === list.length &&
        read.every(({ kind, value }, n) => kind === list[n]?.kind && value.equals(list[n].value))
      );
    }),
  );
  fc.assert(
    fc.property(fc.stringMatching(/^[^\0]*$/), (words) => {
      const [read] = attributeList(text(1, words));
      return read !== undefined && readText(read.value) === Buffer.from(words).toString();
    }),
  );
  t.end();
});

t.test('messages come back as they were sent, several in one datagram', (t) => {
  const request = fc.record({ type: fc.nat(0xffff), flags: fc.nat(0xffff), body: bytes(64) });
  fc.assert(
    fc.property(fc.array(request), (requests) => {
      const read = decode(Buffer.concat(requests.map((one, n) => encode(one, n + 1))));
      return (
        read.length === requests.length &&
        read.every(
          (one, n) =>
            one.sequence === n + 1 && one.type === requests[n]?.type && one.body.equals(requests[n].body),
        )
      );
    }),
  );
  t.end();
});

t.test('broken bytes end a list; they never loop, throw or read beyond the end', (t) => {
  fc.assert(
    fc.property(bytes(200), (junk) => attributeList(junk).every(({ value }) => value.length <= junk.length)),
  );
  fc.assert(fc.property(bytes(200), (junk) => decode(junk).every(({ body }) => body.length <= junk.length)));
  const message = (body: Buffer) => ({ type: 16, flags: 0x300, sequence: 1, body });
  fc.assert(
    fc.property(bytes(200), (junk) => readLink(message(Buffer.concat([Buffer.alloc(16), junk]))).index === 0),
  );
  fc.assert(
    fc.property(bytes(200), (junk) =>
      Array.isArray(readElements(message(Buffer.concat([Buffer.alloc(4), junk])))),
    ),
  );
  fc.assert(
    fc.property(bytes(200), (junk) => {
      const { words } = readError(message(Buffer.concat([Buffer.alloc(20), junk])));
      return typeof words === 'string';
    }),
  );
  t.end();
});
