import t from 'tap';
import { failEverywhere } from './faults-in-restore.js';

t.test('hot-attach: whatever fails, nothing of the clone is left, and the next one succeeds', (t) =>
  failEverywhere(t, {
    strategy: 'hot-attach',
    inside: false,
    nics: [{ ports: [{ host: 8080, guest: 80 }] }],
  }),
);

t.test('none: whatever fails, nothing of the clone is left, and the next one succeeds', (t) =>
  failEverywhere(t, { strategy: 'none', inside: false }),
);
