import t from 'tap';
import { ThawError } from '../../../daemon/api/thaw-error.js';
import { pingAddress } from '../../../plugins/network/effects/ping.js';
import { cx, sh } from './fixture.js';
import { ownNamespace } from './own-namespace.js';

ownNamespace();

for (const [how, range] of [
  ['over a socket of the kernel’s', '0 2147483647'],
  ['by the program, where the kernel gives no such socket', '1 0'],
] as const) {
  t.test(`ping ${how}`, async (t) => {
    sh(`echo '${range}' > /proc/sys/net/ipv4/ping_group_range`);
    const took = await pingAddress({ address: '127.0.0.1', timeout: 2_000 }, cx);
    t.ok(took !== null && took > 0 && took < 2_000, 'an answer, with its time');
    sh('ip link add br9 type bridge && ip addr add 192.0.2.9/24 dev br9 && ip link set br9 up');
    t.teardown(() => sh('ip link del br9'));
    t.equal(await pingAddress({ address: '192.0.2.1', timeout: 250 }, cx), null, 'nobody there: no answer');
    const given = new AbortController();
    const pending = pingAddress({ address: '192.0.2.1', timeout: 60_000 }, { ...cx, signal: given.signal });
    setTimeout(() => given.abort(new TypeError('enough')), 50);
    await t.rejects(pending, { message: 'enough' }, 'and it can be given up');
    const answers = await Promise.all(
      Array.from({ length: 32 }, (_, n) => pingAddress({ address: `127.0.0.${n + 1}`, timeout: 5_000 }, cx)),
    );
    t.ok(
      answers.every((one) => one !== null),
      'many at once',
    );
  });
}

t.test('ping without the program and without the socket says what to install', async (t) => {
  sh(`echo '1 0' > /proc/sys/net/ipv4/ping_group_range`);
  const path = process.env['PATH'];
  process.env['PATH'] = '/nonexistent';
  t.teardown(() => (process.env['PATH'] = path));
  try {
    await pingAddress({ address: '127.0.0.1', timeout: 100 }, cx);
    t.fail('it answered');
  } catch (error) {
    t.ok(
      error instanceof ThawError &&
        error.reason === 'tool-missing' &&
        /iputils-ping/.test(error.detail.remedy),
    );
  }
});
