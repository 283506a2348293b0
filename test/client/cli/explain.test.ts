import t from 'tap';
import { errorRegistry } from '../../../daemon/api/errors/index.js';
import { thaw } from './thaw.js';

void t.test('explain tells of an error by its reason or code, without a daemon', async (t) => {
  const byReason = await thaw(['explain', 'nic-after-unplug']);
  t.match(byReason, { code: 0, stderr: '' });
  t.match(byReason.stdout, /→ Restore a fresh clone/);
  t.match(byReason.stdout, /fails again.*\n.*network\.attach/);
  t.equal((await thaw(['explain', '3107'])).stdout, byReason.stdout);
  const value = JSON.parse((await thaw(['explain', 'tap-busy', '--json'])).stdout) as object;
  t.match(value, { code: 3105, reason: 'tap-busy', retryable: true });
});

void t.test('explain knows every error of the registry, and what was probably meant', async (t) => {
  const reasons = (await thaw(['explain', '--quiet'])).stdout.trimEnd().split('\n');
  for (const { reason } of errorRegistry) t.ok(reasons.includes(reason), reason);
  t.ok(reasons.includes('daemon-not-running'), 'those of the client too');
  const { code, stderr } = await thaw(['explain', 'tap-bsuy']);
  t.equal(code, 2);
  t.match(stderr, /did you mean tap-busy/);
});
