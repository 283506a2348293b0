import t from 'tap';
import { attach, detach, undoAttach } from './flows/nics.js';
import { sweep } from './sweep.js';

for (const flow of [attach, detach, undoAttach])
  t.test(`${flow.name}: whatever goes wrong, the VM stays ready, with the NIC or without`, (t) =>
    sweep(t, flow),
  );
