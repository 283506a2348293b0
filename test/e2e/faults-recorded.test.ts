import t from 'tap';
import { failEverywhere } from './faults-in-restore.js';

t.test('recorded: whatever fails, nothing of the clone is left, and the next one succeeds', (t) =>
  failEverywhere(t, { strategy: 'recorded' }),
);
