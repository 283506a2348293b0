/** The control socket of tests: faults from outside, one JSON value a line (README.md). */
import net from 'node:net';
import type { Faults, FaultWish } from './faults.js';

interface Request {
  faults?: FaultWish[];
  clear?: boolean;
}

/** Listens at `path`; answers each line with the faults that are still pending, or an error. */
export function listenForFaults(path: string, faults: Faults): void {
  const server = net.createServer((socket) => {
    let text = '';
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      text += chunk.toString();
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        const line = text.slice(0, end);
        text = text.slice(end + 1);
        socket.write(`${JSON.stringify(obey(line, faults))}\n`);
      }
    });
  });
  server.on('error', (error) => process.stderr.write(`FIRECRACKER_STANDIN_CONTROL: ${error.message}\n`));
  server.listen(path);
}

function obey(line: string, faults: Faults): unknown {
  try {
    const request = JSON.parse(line) as Request;
    if (request.clear) faults.clear();
    faults.add(request.faults ?? []);
    return { pending: faults.list() };
  } catch (error) {
    return { error: String(error) };
  }
}
