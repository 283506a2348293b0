import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import { ThawError } from '../../../daemon/api/thaw-error.js';
import {
  attach,
  cx,
  detach,
  differences,
  eventually,
  leftovers,
  Net,
  sh,
  startFabric,
  type Networks,
} from './fixture.js';
import { arp, gateway, macOf, who } from './guest.js';
import { ownNamespace } from './own-namespace.js';

ownNamespace();

async function refused(networks?: Networks): Promise<string> {
  try {
    await (await startFabric(networks)).close();
    return 'none';
  } catch (error) {
    if (error instanceof ThawError) return `${error.reason}: ${error.message}`;
    throw error;
  }
}

interface Shown {
  ifalias: string;
  address: string;
  mtu: number;
  linkinfo: { info_data: Record<string, unknown> };
}
const show = (link: string) => (JSON.parse(sh(`ip -json -details link show ${link}`)) as [Shown])[0];

t.test('a bridge is made with its mark, a MAC that stays, and no waiting of its ports', async (t) => {
  const net = await Net.open(t);
  const bridge = show('thaw0');
  t.equal(bridge.ifalias, 'thaw:bridge:default');
  t.match(bridge.linkinfo.info_data, { forward_delay: 0, stp_state: 0 });
  t.match(sh('ip -4 addr show dev thaw0'), /inet 10\.209\.0\.1\/16 brd 10\.209\.255\.255/);
  const grants = Array.from({ length: 5 }, (_, n) => net.grant(n));
  for (const grant of grants) await attach(net.fabric, grant);
  t.equal(macOf('thaw0'), bridge.address, 'while ports come');
  for (const grant of grants) await detach(net.fabric, grant);
  t.equal(macOf('thaw0'), bridge.address, 'and when they have gone');
  t.notMatch(sh('ip -6 addr show dev thaw0'), /inet6/);
  t.strictSame(await net.fabric.check(cx), []);
});

t.test('a restarted daemon finds bridge, tables and VMs, and interrupts nobody', async (t) => {
  const net = await Net.open(t);
  const { grant, guest } = await net.guest(1);
  // Not the carrier: it comes when the guest has been heard of.
  const links = () => sh('ip -json link show | grep -oE \'"(ifindex|ifname|ifalias|master|address)":[^,]*\'');
  const before = { links: links(), rules: sh('nft list set bridge thaw addresses') };
  // All the while the guest asks for its gateway: each request must be answered.
  const ask = () =>
    eventually(() => {
      guest.send(arp(who(grant), gateway));
      return guest.received().some((frame) => frame[21] === 2);
    });
  t.ok(await ask());
  await net.fabric.close();
  t.ok(await ask(), 'without a daemon');
  await net.restart();
  t.ok(await ask(), 'with the next one');
  t.equal(links(), before.links);
  t.equal(sh('nft list set bridge thaw addresses'), before.rules);
  t.strictSame(await differences(net.fabric, grant), []);
  await net.fabric.verifyTap(grant.tap, grant.vm, cx).then(
    () => t.fail('the guest has it open'),
    (error: unknown) => t.match(error, { reason: 'tap-busy' }),
  );
  t.strictSame(await net.fabric.mend(cx), [], 'nothing had to be mended');
  t.not(net.fabric.grant({ vm: grant.vm, nic: 'eth1', network: 'default' }).addresses[0], grant.addresses[0]);
});

t.test('a changed configuration changes the bridge under its VMs', async (t) => {
  const net = await Net.open(t);
  await net.guest(2);
  await net.restart({
    default: { bridge: 'thaw0', subnet: '10.209.0.0/16', mtu: 1400, gateway: '10.209.0.254' },
  });
  t.equal(show('thaw0').mtu, 1400);
  t.match(sh('ip -4 addr show dev thaw0'), /10\.209\.0\.254\/16/);
  t.match(net.log, [/made or mended/]);
});

t.test('a link in the bridge’s place that is not ours stays as it is, and the daemon says so', async (t) => {
  const cases = {
    'a bridge without an alias': 'ip link add thaw0 type bridge',
    'a bridge of another network':
      'ip link add thaw0 type bridge && ip link set thaw0 alias thaw:bridge:other',
    'no bridge at all': 'ip tuntap add thaw0 mode tap',
  };
  for (const [what, make] of Object.entries(cases)) {
    sh(make);
    const before = sh('ip -d link show thaw0; ip addr show dev thaw0');
    t.match(await refused(), /^link-foreign: .*thaw0/, what);
    t.equal(sh('ip -d link show thaw0; ip addr show dev thaw0'), before);
    sh('ip link del thaw0');
  }
  t.match(
    await refused({ default: { bridge: 'br9', subnet: '10.209.0.0/16', existing: true } }),
    /^link-foreign: .*there is none/,
  );
  t.strictSame(leftovers(), ['link lo'], 'nothing of it is left');
});

t.test('an existing bridge is used as it is, and left', async (t) => {
  sh('ip link add br9 type bridge && ip link set br9 up && ip addr add 10.99.0.9/24 dev br9');
  t.teardown(() => sh('ip link del br9'));
  const before = sh('ip link show br9; ip addr show dev br9');
  const fabric = await startFabric({ lan: { bridge: 'br9', subnet: '10.99.0.0/24', existing: true } });
  t.equal(sh('ip link show br9; ip addr show dev br9'), before);
  t.strictSame(await fabric.check(cx), []);
  await fabric.dismantle(cx);
  await fabric.close();
  t.equal(sh('ip link show br9; ip addr show dev br9'), before);
});

t.test('a subnet that the host is in already is refused before anything is made', async (t) => {
  sh('ip link add br9 type bridge && ip addr add 10.209.77.1/24 dev br9');
  t.teardown(() => sh('ip link del br9'));
  const before = leftovers();
  t.match(await refused(), /^network-invalid: .*overlaps that of the link br9 \(10\.209\.77\.1\/24\)/);
  t.strictSame(leftovers(), before);
});

t.test('forwarding is turned on for NAT, and said; without NAT it is left alone', async (t) => {
  const forward = () => readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim();
  sh('sysctl -q -w net.ipv4.ip_forward=0 2>/dev/null || echo 0 > /proc/sys/net/ipv4/ip_forward');
  const log: string[] = [];
  const routed = await startFabric(
    { default: { bridge: 'thaw0', subnet: '10.209.0.0/16', nat: false } },
    log,
  );
  t.equal(forward(), '0');
  t.strictSame(await routed.check(cx), [], 'and not missed');
  await routed.close();
  const nat = await startFabric(undefined, log);
  t.equal(forward(), '1');
  t.match(log.join('\n'), /net\.ipv4\.ip_forward = 1/);
  await nat.dismantle(cx);
  await nat.close();
});

t.test('dismantling waits for the last VM', async (t) => {
  const net = await Net.open(t);
  const grant = net.grant(3);
  await attach(net.fabric, grant);
  await net.fabric.dismantle(cx);
  t.strictSame(await differences(net.fabric, grant), [], 'a VM keeps its bridge and rules');
  await detach(net.fabric, grant);
  await net.fabric.dismantle(cx);
  t.strictSame(leftovers(), ['link lo']);
  await net.fabric.dismantle(cx);
  t.notOk(existsSync('/proc/sys/net/ipv4/conf/thaw0'));
});
