import fc from 'fast-check';
import t from 'tap';
import { emptyRecord } from '../../daemon/records/make.js';
import { isExpired, jumpBetween } from '../../daemon/vms/expiry.js';
import { newOperationId, newVmId } from '../../daemon/operations/ids.js';

t.test('a clock that only runs has not jumped, one that was set has, by so much', (t) => {
  const time = fc.integer({ min: 0, max: 2 ** 40 });
  fc.assert(
    fc.property(time, time, time, fc.integer({ min: -1e12, max: 1e12 }), (wall, steady, passed, set) => {
      const after = { wall: wall + passed + set, steady: steady + passed };
      t.equal(jumpBetween({ wall, steady }, after), Math.abs(set) < 500 ? 0 : set);
    }),
  );
  t.end();
});

t.test('what never expires, is being made or goes anyway has not expired', (t) => {
  const record = { ...emptyRecord(newVmId(), 'booted', '1.16.1'), expiresAt: 1000 };
  const steps = { operation: newOperationId(), method: 'snapshot.create', startedAt: 0, steps: [] };
  t.notOk(isExpired(record, 999));
  t.ok(isExpired(record, 1000));
  t.notOk(isExpired({ ...record, expiresAt: null }, 1e15));
  t.notOk(isExpired({ ...record, removing: true }, 2000));
  t.notOk(isExpired({ ...record, pending: { ...steps, makes: true } }, 2000));
  t.ok(
    isExpired({ ...record, pending: { ...steps, makes: false } }, 2000),
    'a snapshot of it is no reprieve',
  );
  t.end();
});
