import t from 'tap';
import { boot, stop } from './flows/life.js';
import { sweep } from './sweep.js';

for (const flow of [boot, stop])
  t.test(`${flow.name}: whatever goes wrong, a VM is ready, or gone without a trace`, (t) => sweep(t, flow));
