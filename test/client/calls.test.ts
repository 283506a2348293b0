import t from 'tap';
import { connect } from '../../client/index.js';
import { startHost } from '../rpc/support/host.js';

void t.test('a method is a function of its namespace, and its result is typed', async (t) => {
  const host = await startHost(t);
  await using client = await connect({ socket: host.path });
  t.equal((await client.system.health()).status, 'ok');
  t.strictSame((await client.call('vm.list', {})).vms, []);
  await t.rejects(client.vm.get({ vm: 'x' }), { name: 'ThawError', detail: { reason: 'vm-unknown' } });
});
