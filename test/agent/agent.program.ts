// An agent as a process: qemu-ga's protocol at a Unix socket. usage: agent.program.js SOCKET PIDFILE [silent]; its faults
// are in FAULTS. What it runs, sees its number as a guest's programs see qemu-ga's.
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { Agent } from '../firecracker/guest/agent/agent.js';
import { Faults, type FaultWish } from '../firecracker/faults.js';

const [, , path = '', pidFile = '', manner] = process.argv;
const faults = new Faults();
faults.add(JSON.parse(process.env['FAULTS'] ?? '[]') as FaultWish[]);
const agent = new Agent({
  enter: (work) => work(),
  faults,
  running: () => Promise.resolve(),
  shutdown: () => undefined,
});
rmSync(path, { force: true });
createServer((socket) => {
  socket.on('error', () => undefined);
  if (manner === 'silent') return;
  const take = agent.serve({ write: (bytes) => void socket.write(bytes), end: () => void socket.end() });
  socket.on('data', take);
}).listen(path, () => writeFileSync(pidFile, String(process.pid)));
