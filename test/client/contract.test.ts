import t from 'tap';
import { contractVersion } from '../../daemon/api/system.js';
import { connect } from '../../client/index.js';
import { contractGap } from '../../client/contract.js';
import { fakeHandlers } from '../rpc/support/handlers.js';
import { startHost } from '../rpc/support/host.js';

/** A daemon that says to speak another contract, and knows the methods and params of this one. */
const speaking = (contract: string) => {
  const handlers = fakeHandlers();
  return fakeHandlers({
    'system.info': async (params, call) => ({ ...(await handlers['system.info'](params, call)), contract }),
  });
};

const [major = 0, minor = 0] = contractVersion.split('.').map(Number);

void t.test('what another daemon does not know is said with whom to upgrade', async (t) => {
  const told = async (contract: string) => {
    const { path } = await startHost(t, { handlers: speaking(contract) });
    const client = await connect({ socket: path });
    t.teardown(() => client.close());
    const remedies: string[] = [];
    for (const call of [
      () => client.call('vm.clone' as 'vm.list', {}),
      () => client.call('vm.list', { colour: 'red' } as never),
      () => client.vm.get({ vm: 'x' }),
    ])
      await call().catch((error: unknown) => remedies.push(remedyOf(error)));
    return remedies;
  };
  const newer = await told(`${major}.${minor + 1}`);
  t.match(
    newer[0],
    new RegExp(`thawd speaks contract ${major}.${minor + 1}, this client .*: upgrade this client`),
  );
  t.match(newer[1], /upgrade this client/);
  t.notMatch(newer[2], /upgrade/, 'an error of another kind has another cause');
  const older = await told(`${major - 1}.9`);
  t.match(older[0], /upgrade thawd, and restart it/);
  t.match(older[1], /upgrade thawd, and restart it/);
  for (const remedy of await told(contractVersion)) t.notMatch(remedy, /upgrade/);
});

const remedyOf = (error: unknown): string =>
  (error as { readonly detail: { readonly remedy: string } }).detail.remedy;

void t.test('versions are compared as numbers, and one that is none is another', (t) => {
  t.equal(contractGap('1.10', '1.10'), null);
  t.match(contractGap('1.9', '1.10'), /upgrade thawd/);
  t.match(contractGap('1.10', '1.9'), /upgrade this client/);
  t.match(contractGap('2.0', '1.9'), /upgrade this client/);
  t.match(contractGap('soon', '1.9'), /upgrade this client/);
  t.end();
});
