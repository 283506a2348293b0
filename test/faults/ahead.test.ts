import t from 'tap';
import { hooks, slots } from './flows/ahead.js';
import { sweep } from './sweep.js';

for (const flow of [slots, hooks])
  t.test(`${flow.name}: whatever goes wrong, nothing is left half done, and no VM is lost by it`, (t) =>
    sweep(t, flow),
  );
