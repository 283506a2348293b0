import fc from 'fast-check';
import t from 'tap';
import { SnapshotId, VmId } from '../../../daemon/api/shapes/ids.js';
import { tapName } from '../../../plugins/network/names.js';
import { predictableTap } from '../../../plugins/network/strategies/predictable.js';

const word = fc.stringMatching(/^[0-9a-z]{10}$/);
const snapshot = word.map((text) => SnapshotId.parse(`snap-${text}`));
const index = fc.nat(30);

t.test('a tap’s name that follows from an id fits the kernel, and is always the same', (t) => {
  fc.assert(
    fc.property(snapshot, index, (id, nth) => {
      const name = predictableTap(id, nth);
      return (
        /^thw[0-9a-f]{12}$/.test(name) && Buffer.byteLength(name) <= 15 && name === predictableTap(id, nth)
      );
    }),
  );
  t.end();
});

t.test('two NICs, or two snapshots, never share it by their ids’ likeness', (t) => {
  fc.assert(
    fc.property(snapshot, snapshot, index, index, (a, b, m, n) => {
      return (a === b && m === n) === (predictableTap(a, m) === predictableTap(b, n));
    }),
  );
  t.end();
});

t.test('no VM’s own tap can be called so', (t) => {
  const vm = fc.stringMatching(/^[0-9a-v]{10}$/).map((text) => VmId.parse(`vm-${text}`));
  fc.assert(fc.property(vm, index, (id, nth) => !tapName(id, `eth${nth}`).startsWith('thw')));
  t.end();
});
