import t from 'tap';
import { dyingGroup, tapGroup } from '../../../plugins/network/names.js';
import { attach, cx, differences, leftovers, Net, sh, vm } from './fixture.js';
import { ownNamespace } from './own-namespace.js';

ownNamespace();

t.test('a sweep removes what carries our mark and belongs to nobody, and no look-alike', async (t) => {
  const net = await Net.open(t);
  const [kept, orphan, other] = [net.grant(1), net.grant(2), net.grant(3)];
  for (const grant of [kept, orphan, other]) await attach(net.fabric, grant);
  const lookAlikes: [string, string | null][] = [
    ['th00000000550', null],
    ['th00000000560', 'thaw:'],
    ['th00000000570', 'thaw:vm-'],
    ['th00000000580', 'thaw:vm-00000000005'],
    ['th00000000590', 'thaw:vm-000000000'],
    ['th000000005a0', 'thaw:vm-000000000A'],
    ['th000000005b0', 'thaw:bridge:vm-0000000002'],
    ['th000000005c0', 'THAW:vm-0000000002'],
    ['th000000005d0', 'x thaw:vm-0000000002'],
    ['th000000005e0', 'thaw:vm-0000000002 x'],
    ['fc-tap-1', 'a VM of somebody else'],
  ];
  for (const [name, alias] of lookAlikes) {
    sh(`ip tuntap add ${name} mode tap && ip link set ${name} master thaw0`);
    if (alias !== null) sh(`ip link set ${name} alias '${alias}'`);
  }
  // Elements that somebody put into our sets by hand, and a table that only looks like ours.
  sh(
    `nft add element bridge thaw open '{ "th00000000550", "th00000000020" comment "mine" }' 2>/dev/null || true`,
  );
  sh(`nft add element bridge thaw open '{ "th00000000550" comment "thaw:vm-" }'`);
  sh('nft add table ip thaw && nft add set ip thaw open "{ type ifname; }"');
  sh(`nft add element ip thaw open '{ "th00000000020" comment "thaw:vm-0000000002" }'`);
  t.teardown(() => {
    sh('nft delete table ip thaw');
    for (const [name] of lookAlikes) sh(`ip link del ${name}`);
  });
  const before = leftovers();
  const removed = await net.fabric.sweep(new Set([kept.vm]), cx);
  t.strictSame([...removed].sort(), [
    `rules of ${orphan.vm}`,
    `rules of ${other.vm}`,
    `tap ${orphan.tap}`,
    `tap ${other.tap}`,
  ]);
  const gone = before.filter((thing) => !leftovers().includes(thing));
  // Two links, and three elements of each; the fourth stands in the other table still.
  t.ok(
    gone.every((thing) => thing.includes(orphan.tap) || thing.includes(other.tap)),
    gone.join('\n'),
  );
  t.equal(gone.filter((thing) => thing.startsWith('link')).length, 2);
  t.strictSame(await differences(net.fabric, kept), [], 'who lives keeps all');
  t.strictSame(await net.fabric.sweep(new Set([kept.vm]), cx), [], 'again: nothing');
  t.strictSame(await net.fabric.mend(cx), [], 'what was swept is not mended');
  t.match(sh('nft list set ip thaw open'), /th00000000020/);
  t.match(sh('nft list set bridge thaw open'), /th00000000550/);
  sh(`nft delete element bridge thaw open '{ "th00000000550" }'`);
});

t.test('rules without their tap, and taps without their rules, are swept as well', async (t) => {
  const net = await Net.open(t);
  const [a, b] = [net.grant(5), net.grant(6)];
  for (const grant of [a, b]) await attach(net.fabric, grant);
  sh(`ip link del ${a.tap}`);
  sh('nft flush set bridge thaw open');
  t.strictSame([...(await net.fabric.sweep(new Set(), cx))].sort(), [
    `rules of ${a.vm}`,
    `rules of ${b.vm}`,
    `tap ${b.tap}`,
  ]);
  t.strictSame(
    leftovers().filter((thing) => thing.includes('th0')),
    [],
  );
});

t.test('a stranger in our interface groups outlives every removal', async (t) => {
  const net = await Net.open(t);
  sh(`ip tuntap add other0 mode tap && ip link set other0 group ${dyingGroup}`);
  sh(`ip tuntap add other1 mode tap && ip link set other1 group ${tapGroup}`);
  t.teardown(() => sh('ip link del other0; ip link del other1'));
  const grants = Array.from({ length: 5 }, (_, n) => net.grant(n));
  for (const grant of grants) await attach(net.fabric, grant);
  await net.fabric.sweep(new Set(), cx);
  const left = leftovers();
  t.ok(left.includes('link other0') && left.includes('link other1'));
  t.notOk(
    left.some((thing) => thing.startsWith('link th0')),
    'and ours are gone',
  );
});

t.test('several hundred orphans go in one sweep', async (t) => {
  const net = await Net.open(t);
  const grants = Array.from({ length: 300 }, (_, n) => net.grant(2000 + n));
  await Promise.all(grants.map((grant) => attach(net.fabric, grant)));
  t.equal((await net.fabric.sweep(new Set([vm(2000)]), cx)).length, 2 * 299);
  t.strictSame(await differences(net.fabric, grants[0]!), []);
});
