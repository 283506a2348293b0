// A daemon that dies at the worst moment: its tap is made and marked, and not yet kept.
import { Route } from '../../../plugins/network/effects/route.js';
import { openMarked } from '../../../plugins/network/effects/tap.js';
import { vmOfTap } from '../../../plugins/network/names.js';

const name = process.argv[2] ?? '';
const vm = vmOfTap(name);
if (!vm) throw new Error(`no tap's name: ${name}`);
const route = new Route();
openMarked(route, name, vm);
process.stdout.write(JSON.stringify(route.link(name)), () => process.kill(process.pid, 'SIGKILL'));
