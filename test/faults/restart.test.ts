import t from 'tap';
import { start, reconcile, rewrite } from './flows/restart.js';
import { sweep } from './sweep.js';

for (const flow of [start, reconcile, rewrite])
  t.test(`${flow.name}: whatever goes wrong, nothing is lost, and the next try mends the rest`, (t) =>
    sweep(t, flow),
  );
