import t from 'tap';
import { override, predictable, recorded } from './flows/strategies.js';
import { sweep } from './sweep.js';

for (const flow of [override, predictable, recorded])
  t.test(`${flow.name}: whatever goes wrong, a clone is ready, or gone without a trace`, (t) =>
    sweep(t, flow),
  );
