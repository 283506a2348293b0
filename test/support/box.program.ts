// Opens a box, starts a process in it that nobody waits for, says where all that is, and then waits to be killed.
import { Box } from './box.js';

const box = await Box.open();
await box.exec('sh', '-c', 'setsid sleep 1000 > /dev/null 2>&1 & mkdir "$1/vms"', 'sh', box.runDir);
console.log(JSON.stringify({ pid: box.pid, runDir: box.runDir, storeDir: box.storeDir }));
