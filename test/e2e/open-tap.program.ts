// Opens a tap as a VMM would and holds it for so many milliseconds: `open-tap.program.js NAME MILLISECONDS`.
import { setTimeout as sleep } from 'node:timers/promises';
import { closeTap, openTap } from '../firecracker/native/tap.js';

const [name = '', milliseconds = '0'] = process.argv.slice(2);
const tap = openTap(name);
await sleep(Number(milliseconds));
closeTap(tap);
