import t from 'tap';
import { create, strip, remove, undoCreate } from './flows/snapshots.js';
import { sweep } from './sweep.js';

for (const flow of [create, strip, remove, undoCreate])
  t.test(`${flow.name}: whatever goes wrong, a snapshot is whole or not there, and its source runs`, (t) =>
    sweep(t, flow),
  );
