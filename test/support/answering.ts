import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname } from 'node:path';

const described = JSON.stringify({
  app_name: 'Firecracker',
  id: 'other',
  state: 'Running',
  vmm_version: '1.16.1',
});

/** Answers at a socket as a Firecracker does that runs; returns how to end it, which leaves the socket's file as it is. */
export async function answering(path: string): Promise<() => void> {
  await mkdir(dirname(path), { recursive: true });
  const server = createServer((_, response) => {
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-length': described.length })
      .end(described);
  });
  await once(server.listen(path), 'listening');
  return () => server.close().closeAllConnections();
}
