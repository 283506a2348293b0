import t from 'tap';
import { restore, undo } from './flows/restore.js';
import { sweep } from './sweep.js';

for (const flow of [restore, undo])
  t.test(`${flow.name}: whatever goes wrong, a clone is ready, or gone without a trace`, (t) =>
    sweep(t, flow),
  );
