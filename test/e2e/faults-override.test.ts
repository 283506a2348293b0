import t from 'tap';
import { failEverywhere } from './faults-in-restore.js';

t.test('override: whatever fails, nothing of the clone is left, and the next one succeeds', (t) =>
  failEverywhere(t, {
    strategy: 'override',
    boot: { networks: ['default', 'back'] },
    nics: [{ rxRateLimiter: { ops: { size: 500, refill_time: 100 } } }],
  }),
);
