import t from 'tap';
import { startHost, Wire } from './support/host.js';

void t.test('a request is answered, by id', async (t) => {
  const { path } = await startHost(t);
  const wire = await Wire.open(path);
  wire.request('a', 'system.health');
  t.match(await wire.next(), { jsonrpc: '2.0', id: 'a', result: { status: 'ok' } });
  wire.socket.destroy();
});
