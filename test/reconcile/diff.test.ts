import fc from 'fast-check';
import t from 'tap';
import { diff, diffVm, type FoundVm } from '../../daemon/reconcile/diff.js';
import { emptyRecord } from '../../daemon/records/make.js';
import type { VmRecord } from '../../daemon/records/vm-record.js';
import { VmId } from '../../daemon/api/shapes/ids.js';

const id = VmId.parse('vm-0000000001');
const record = (change: Partial<VmRecord>): VmRecord => ({
  ...emptyRecord(id, 'restored', '1.16.1'),
  name: 'web' as VmRecord['name'],
  ...change,
});
const pending = (makes: boolean): VmRecord['pending'] => ({
  operation: 'op-0000000001' as NonNullable<VmRecord['pending']>['operation'],
  method: 'network.attach',
  startedAt: 1,
  steps: [],
  makes,
});
const found = fc.record({
  record: fc
    .record({
      name: fc.constantFrom<VmRecord['name']>(null, 'web' as VmRecord['name']),
      removing: fc.boolean(),
      pending: fc.constantFrom(null, pending(true), pending(false)),
      kept: fc.constantFrom(null, { reason: 'agent-silent', at: 1 }),
    })
    .map(record),
  alive: fc.boolean(),
  written: fc.boolean(),
  differences: fc.constantFrom([], [{ what: 'tap', problem: 'it is gone', remedy: 'restore' }]),
});
const repairs = (vm: FoundVm) => diffVm(vm).map(({ repair }) => repair);

t.test('a live VM as it is recorded is never touched, nor is one that is kept to be looked at', (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(found, (vm) => {
        const { record: of, alive, written } = vm;
        const settled = !of.removing && of.pending === null;
        if (settled && alive && written && !of.kept) return repairs(vm).every((repair) => repair === null);
        if (settled && of.kept && of.name !== null) return !repairs(vm).includes('remove');
        return true;
      }),
    ),
  );
  t.end();
});

t.test('what shall go, or was never finished, is removed whatever lives', (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(found, (vm) => {
        if (!vm.record.removing && vm.record.pending?.makes !== true) return true;
        const [only, ...more] = repairs(vm);
        return only === 'remove' && more.length === 0;
      }),
    ),
  );
  t.end();
});

t.test('a change that nobody finishes is undone, and the VM goes on', (t) => {
  t.strictSame(
    repairs({ record: record({ pending: pending(false) }), alive: true, written: true, differences: [] }),
    ['undo'],
  );
  t.end();
});

t.test('a slot that waits is whole; one whose VMM is gone is freed', (t) => {
  const slot = { record: record({ name: null }), written: true, differences: [] };
  t.strictSame(repairs({ ...slot, alive: true }), []);
  t.strictSame(repairs({ ...slot, alive: false }), ['remove']);
  t.end();
});

t.test('what belongs to nobody is told apart by what can be done about it', (t) => {
  const findings = diff({ vms: [], strayRecords: ['a'], strayFolders: ['b'], strays: ['c'], lost: ['d'] });
  t.strictSame(
    findings.map(({ repair }) => repair),
    [null, null, 'sweep', 'mend'],
  );
  t.ok(findings.every(({ remedy }) => remedy !== ''));
  t.end();
});
