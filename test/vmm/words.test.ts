import fc from 'fast-check';
import t from 'tap';
import { ownWords } from '../../daemon/vmm/words.js';

const own = [
  '2026-11-23T18:00:09.063487792 [anonymous-instance:main] Running Firecracker v1.16.1',
  '2026-11-23T18:00:09.063487792 [vm-1:fc_vcpu 0:ERROR:src/vmm/src/lib.rs:1] Vmm is stopping.',
  '2026-11-23T18:00:09.063487792 [vm-1:main] Firecracker panicked at src/firecracker/src/main.rs:309:48:',
  "Invalid instance ID: InvalidChar('_', 1)",
  'Error: RunWithApi(FailedToBindSocket("stale"))',
];

t.test('what a guest writes to its console stays out of errors', (t) => {
  const secret = ['[    0.000000] Linux version 6.1.0', 'login: root', 'password is hunter2'];
  t.strictSame(ownWords([...secret, ...own, ...secret]), own);
  const said = fc.string().filter((line) => !/^\d{4}-|^Error: /.test(line) && !line.endsWith(':'));
  fc.assert(
    fc.property(fc.array(said), fc.array(said), (before, after) => {
      t.strictSame(ownWords([...before, ...own, ...after]), own);
    }),
    { numRuns: 50 },
  );
  t.end();
});
