import t from 'tap';
import { ensureNeeds } from '../support/needs.js';
import { netns, netnsAttach, netnsStop, cni, cniStop, cniStart } from './flows/namespaces.js';
import { sweep } from './sweep.js';

ensureNeeds(['host-local']);
for (const flow of [netns, netnsAttach, netnsStop, cni, cniStop, cniStart])
  t.test(`${flow.name}: whatever goes wrong, namespaces go with their clones`, (t) => sweep(t, flow));
