import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import t from 'tap';
import { NetworkName } from '../../../daemon/api/shapes/ids.js';
import { Manifest } from '../../../daemon/api/shapes/snapshot.js';
import type { Question } from '../../../plugins/contract.js';
import { Namespace } from '../../../plugins/network/effects/namespace.js';
import { uplinkName } from '../../../plugins/network/netns/names.js';
import { NamespacePool } from '../../../plugins/network/netns/pool.js';
import { judgeNetns } from '../../../plugins/network/strategies/netns.js';
import { ownNamespace } from './own-namespace.js';

ownNamespace();

t.test('a namespace that routes forwards, whatever the host’s own values are', (t) => {
  execFileSync('sysctl', ['-qw', 'net.ipv4.ip_forward=0']);
  const namespace = Namespace.makeRouter();
  t.teardown(() => namespace.close());
  t.strictSame(namespace.unlikeRouter(), []);
  namespace.inside(() => execFileSync('sysctl', ['-qw', 'net.ipv4.conf.all.rp_filter=1']));
  t.strictSame(namespace.unlikeRouter(), ['net/ipv4/conf/all/rp_filter is 1']);
  t.equal(execFileSync('sysctl', ['-n', 'net.ipv4.ip_forward'], { encoding: 'utf8' }), '0\n', 'only there');
  t.end();
});

t.test('whatever happens inside, the way leads back', (t) => {
  const here = execFileSync('readlink', ['/proc/self/ns/net'], { encoding: 'utf8' });
  const namespace = Namespace.make();
  t.throws(() =>
    namespace.inside(() => {
      throw new TypeError('inside');
    }),
  );
  t.equal(execFileSync('readlink', ['/proc/self/ns/net'], { encoding: 'utf8' }), here);
  t.equal(Namespace.of(process.pid), null, 'one’s own is nobody’s');
  t.equal(Namespace.of(2 ** 22 + 1), null, 'nor is that of a process that is not there');
  namespace.close();
  t.end();
});

t.test('a pool that is empty makes more, and fills up to its size', async (t) => {
  const pool = new NamespacePool(2, (error) => t.fail(String(error)));
  const taken = [pool.take(), pool.take(), pool.take()];
  t.equal(new Set(taken.map(({ identity }) => identity)).size, 3);
  for (let tries = 50; tries > 0 && pool.ready < 2; tries -= 1) await sleep(20);
  await sleep(100);
  t.equal(pool.ready, 2);
  for (const namespace of taken) namespace.close();
  pool.close();
  t.equal(pool.ready, 0);
});

t.test('as many namespaces as there may be', (t) => {
  // A user namespace has a limit of its own.
  const module = fileURLToPath(new URL('../../../plugins/network/effects/namespace.js', import.meta.url));
  const program = `
    import { Namespace } from ${JSON.stringify(module)};
    import { writeFileSync } from 'node:fs';
    writeFileSync('/proc/sys/user/max_net_namespaces', '1');
    try { Namespace.make(); } catch (error) { console.log(error.reason, error.detail.remedy); }`;
  const said = execFileSync(
    'unshare',
    ['--user', '--map-root-user', '--net', process.execPath, '--input-type=module', '--eval', program],
    { encoding: 'utf8' },
  );
  t.match(said, /^namespace-limit .*max_net_namespaces/);
  t.end();
});

t.test('a cable’s end is never called as a tap is', (t) => {
  const name = fc.oneof(
    fc.integer({ min: 0, max: 9 }).map((n) => `uplink${n}`),
    fc.constant('fc-tap0'),
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9 }), fc.array(name), (index, taps) => {
      const chosen = uplinkName(index, taps);
      return !taps.includes(chosen) && chosen.length <= 15;
    }),
  );
  t.end();
});

t.test('a NIC whose address nobody has written down is refused', (t) => {
  const nic = { id: 'eth0', tap: 'fc-tap-1', mac: '06:00:00:00:00:01' };
  const question = (more: object): Question => ({
    manifest: {
      ...(JSON.parse('{"id":"snap-0123456789","name":"base","agent":null}') as Manifest),
      nics: Manifest.shape.nics.parse([{ ...nic, ...more }]),
    },
    vmmVersion: '1.0.0',
    wishes: null,
    clones: 9,
    keepMac: true,
    tapUsers: new Map([['fc-tap-1', 'source']]),
  });
  for (const addresses of [[], ['fd00::2/64']]) {
    const verdict = judgeNetns(question({ addresses }));
    t.match(verdict, {
      ok: false,
      error: { reason: 'not-fit-for-strategy', message: /IPv4 address of eth0/ },
    });
  }
  const network = NetworkName.parse('back');
  const verdict = judgeNetns(question({ addresses: ['fd00::2/64', '10.88.0.2/24'], network }));
  t.match(verdict, { ok: true, places: [{ nic: 'eth0', network: 'back' }] });
  t.notMatch(verdict, { places: [{ ipv4Only: true }] });
  const four = judgeNetns(question({ addresses: ['10.88.0.2/24'], network }));
  t.match(four, { places: [{ ipv4Only: true }] }, 'what its guest has no use for is not leased');
  t.end();
});
