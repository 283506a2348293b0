import t from 'tap';
import { ThawError } from '../../../daemon/api/thaw-error.js';
import { closeTap, openTap, persist } from '../../../plugins/network/effects/tun.js';
import { attach, cx, differences, Net, sh } from './fixture.js';
import { ownNamespace } from './own-namespace.js';

ownNamespace();

const reasonOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (error instanceof ThawError) return `${error.reason}: ${error.message}`;
    throw error;
  }
};

t.test('taps and rules of many, made in one go, are as each step would have made them', async (t) => {
  const net = await Net.open(t);
  const grants = Array.from({ length: 40 }, (_, n) => net.grant(n));
  await net.fabric.prepare(
    grants.flatMap((grant) => net.fabric.stepsFor(grant)),
    cx,
  );
  const index = (tap: string) => sh(`ip -oneline link show ${tap}`).split(':')[0];
  const before = grants.map(({ tap }) => index(tap));
  for (const grant of grants) await attach(net.fabric, grant);
  t.strictSame(
    grants.map(({ tap }) => index(tap)),
    before,
    'the steps take them up',
  );
  for (const grant of grants) t.strictSame(await differences(net.fabric, grant), []);
  for (const { tap } of grants)
    await net.fabric.verifyTap(tap, grants.find((one) => one.tap === tap)?.vm ?? '', cx);
  t.notMatch(sh('ip -6 addr'), /scope link/, 'none has an IPv6 address');
});

t.test('what is in the way of one stays its own matter', async (t) => {
  const net = await Net.open(t);
  const grants = Array.from({ length: 3 }, (_, n) => net.grant(n));
  const [first, second, third] = grants;
  sh(`ip tuntap add ${second?.tap} mode tap`);
  await net.fabric.prepare(
    grants.flatMap((grant) => net.fabric.stepsFor(grant)),
    cx,
  );
  for (const grant of [first!, third!]) {
    await attach(net.fabric, grant);
    t.strictSame(await differences(net.fabric, grant), []);
  }
  t.match(await reasonOf(attach(net.fabric, second!)), /^link-foreign/);
  t.notMatch(sh(`ip link show ${second?.tap}`), 'thaw', 'it is as it was');
  sh(`ip link del ${second?.tap}`);
});

t.test(
  'a bridge that has all the ports that there can be is told of as such, and nothing is left',
  async (t) => {
    // They go with the test's own namespace, all at once: one after the other takes the kernel 20 s.
    sh('ip link add full0 type bridge && ip link set full0 up');
    const names = Array.from({ length: 1023 }, (_, n) => `port${n}`);
    for (const tap of names.map((name) => openTap(name, true))) {
      if (typeof tap !== 'object') throw new TypeError('a tap could not be made');
      persist(tap, true);
      closeTap(tap);
    }
    sh(`printf '${names.map((name) => `link set ${name} master full0`).join('\\n')}\\n' | ip -batch -`);
    const net = await Net.open(t, { default: { bridge: 'full0', subnet: '10.209.0.0/16', existing: true } });
    const grant = net.grant(1);
    t.match(await reasonOf(attach(net.fabric, grant)), /^bridge-full: The bridge full0 has 1,023 ports/);
    t.notMatch(sh('ip -brief link'), grant.tap);
  },
);
