import fc from 'fast-check';
import t from 'tap';
import { snapshotFile } from '../../../plugins/storage/layout.js';
import { readStamps, sameStamp, stampOf, writeStamps } from '../../../plugins/storage/stamps.js';

const nanoseconds = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const stat = fc.record({
  dev: nanoseconds,
  ino: nanoseconds,
  size: nanoseconds,
  mtimeNs: nanoseconds,
  ctimeNs: nanoseconds,
});
const sha256 = fc.stringMatching(/^[0-9a-f]{64}$/);

t.test('stamps come back as they were written, to the last nanosecond', (t) => {
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(snapshotFile), fc.tuple(stat, sha256)), (files) => {
      const known = new Map(
        Object.entries(files).map(([name, [found, hash]]) => [name, { sha256: hash, stamp: stampOf(found) }]),
      );
      const back = readStamps(writeStamps(known));
      return [...known].every(([name, { sha256: hash, stamp }]) => {
        const read = back.get(name);
        return read?.sha256 === hash && sameStamp(read.stamp, stamp);
      });
    }),
  );
  t.pass();
  t.end();
});

t.test('a file that differs in anything is another file', (t) => {
  fc.assert(
    fc.property(stat, fc.constantFrom('dev', 'ino', 'size', 'mtimeNs', 'ctimeNs'), (found, field) => {
      const changed = { ...found, [field]: found[field] + 1n };
      return sameStamp(stampOf(found), stampOf({ ...found })) && !sameStamp(stampOf(found), stampOf(changed));
    }),
  );
  t.pass();
  t.end();
});
