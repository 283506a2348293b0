// Answers as so many Firecrackers, each at a socket of its own: what a daemon that looks after them asks. Arguments: the
// folder of the VMs' folders, the VMs' ids on standard input, one a line. Ends with its standard input.
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [vms = ''] = process.argv.slice(2);
for await (const line of createInterface(process.stdin)) {
  if (line === '') continue;
  const [id = '', tap = ''] = line.split(' ');
  const answers: Readonly<Record<string, unknown>> = {
    '/': { app_name: 'Firecracker', id, state: 'Running', vmm_version: '1.16.1' },
    '/vm/config': { 'network-interfaces': [{ iface_id: 'eth0', host_dev_name: tap }] },
  };
  const server = createServer((request, response) => {
    const text = JSON.stringify(answers[request.url ?? ''] ?? {});
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
      .end(text);
  });
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(join(vms, id, 'api.sock'), resolve));
  process.stdout.write(`${id}\n`);
}
process.exit(0);
