import t from 'tap';
import { ThawError } from '../../../daemon/api/thaw-error.js';
import type { Grant } from '../../../plugins/contract.js';
import { FabricConfig } from '../../../plugins/network/config.js';
import { layUplink } from '../../../plugins/network/effects/inner.js';
import { Namespace } from '../../../plugins/network/effects/namespace.js';
import { lookAtTap, Route } from '../../../plugins/network/effects/route.js';
import { resolveNetworks } from '../../../plugins/network/networks.js';
import { uplinkDifferences } from '../../../plugins/network/netns/state.js';
import { cx, differences, eventually, Net, sh, startFabric, vm } from './fixture.js';
import { arp, type Guest, macBytes, who } from './guest.js';
import { ownNamespace } from './own-namespace.js';

ownNamespace();

const canDo = (command: string): boolean => {
  try {
    sh(command);
    return true;
  } catch {
    return false;
  }
};
const probe = 'ip link add probe0 type bridge';
const filtering = canDo(`${probe} vlan_filtering 1 && ip link del probe0`);
const links = filtering && canDo(`${probe} && ip link add link probe0 name probe1 type vlan id 2`);
sh('ip link del probe0 2>/dev/null || true');
const withFiltering = { skip: filtering ? false : 'this kernel’s bridges know no VLANs' };
const withLinks = { skip: links ? false : 'this kernel has no links in VLANs (8021q)' };

const problem = async (work: () => unknown): Promise<string> => {
  try {
    await work();
    return 'none';
  } catch (error) {
    if (error instanceof ThawError) return error.message;
    throw error;
  }
};

const front = { bridge: 'br0', subnet: '10.91.0.0/24', vlan: 10, isolate: false };
const back = { bridge: 'br0', subnet: '10.92.0.0/24', vlan: 20, isolate: false };
const existing = (network: object) => ({ ...network, existing: true });

t.test('networks that VLANs can’t keep apart are refused with the reason', async (t) => {
  const said = (networks: object) => problem(() => resolveNetworks(FabricConfig.parse({ networks }), []));
  t.equal(await said({ front, back }), 'none');
  t.match(await said({ front, back: { ...back, vlan: undefined } }), /front's too: give each a vlan/);
  t.match(await said({ front, back: { ...back, vlan: 10 } }), /its VLAN 10 of br0 is front's too/);
  t.match(await said({ front, back: { ...back, mtu: 9000 } }), /its "mtu" differs from that of front/);
  t.match(await said({ front, back: existing(back) }), /its "existing" differs/);
  t.match(await said({ front: { ...front, bridge: 'a-long-bridge', vlan: 100 } }), /too long/);
  const [one, two] = resolveNetworks(FabricConfig.parse({ networks: { front, back } }), []);
  t.equal(one?.bridgeMac, two?.bridgeMac, 'a bridge has one MAC');
  t.notOk(FabricConfig.safeParse({ networks: { front: { ...front, vlan: 4095 } } }).success);
});

t.test('a bridge that keeps no VLANs apart is not used as if it did', async (t) => {
  sh('ip link add br0 type bridge && ip link set br0 up');
  t.teardown(() => sh('ip link del br0'));
  const said = await problem(() => startFabric({ front: existing(front) }));
  t.match(said, /br0.*VLAN 10.*vlan_filtering 1/);
});

t.test(
  'a kernel without VLANs is told of as such',
  { skip: links ? 'this one has them' : false },
  async (t) => {
    const said = await problem(() => startFabric({ front }));
    t.match(said, filtering ? /8021q/ : /VLAN/);
    sh('ip link del br0 2>/dev/null || true; nft delete table bridge thaw 2>/dev/null || true');
    t.notMatch(sh('ip -brief link'), 'br0');
  },
);

/** Whether one of the frames that came in is from this guest. */
const heard = (guest: Guest, { mac }: Grant): boolean =>
  guest.received().some((frame) => frame.subarray(6, 12).equals(macBytes(mac)));

/** The VLAN's number in a frame's tag; undefined for one without. */
const tagOf = (frame: Buffer) =>
  frame.readUInt16BE(12) === 0x8100 ? frame.readUInt16BE(14) & 0xfff : undefined;

t.test(
  'VMs of two VLANs on one bridge do not hear each other; a trunk carries both, tagged',
  withFiltering,
  async (t) => {
    // Its ports come up in VLAN 1, as with everybody’s bridge.
    sh(`ip link add br0 type bridge vlan_filtering 1 && ip link set br0 up
    ip tuntap add trunk0 mode tap vnet_hdr && ip link set trunk0 master br0 up
    bridge vlan del dev trunk0 vid 1 && bridge vlan add dev trunk0 vid 10 && bridge vlan add dev trunk0 vid 20
    ip tuntap add plain0 mode tap vnet_hdr && ip link set plain0 master br0 up`);
    t.teardown(() => sh('ip link del trunk0; ip link del plain0; ip link del br0'));
    const net = await Net.open(t, { front: existing(front), back: existing(back) });
    const [one, same] = [await net.guest(1, 'front'), await net.guest(2, 'front')];
    const other = await net.guest(3, 'back');
    const [trunk, plain] = [net.open('trunk0'), net.open('plain0')];

    const tags: (number | undefined)[] = [];
    t.ok(
      await eventually(() => {
        one.guest.send(arp(who(one.grant), '10.91.0.99'));
        other.guest.send(arp(who(other.grant), '10.92.0.99'));
        tags.push(
          ...trunk
            .received()
            .filter((frame) => frame.subarray(0, 6).equals(macBytes('ff:ff:ff:ff:ff:ff')))
            .map(tagOf),
        );
        return tags.includes(10) && tags.includes(20);
      }),
      'the trunk has both, each with its tag',
    );
    t.notOk(tags.includes(undefined), 'and nothing without one');
    t.ok(
      await eventually(() => heard(same.guest, one.grant)),
      'a neighbour in the VLAN hears it, without a tag',
    );
    t.notOk(heard(same.guest, other.grant), 'and nobody of another');
    t.notOk(heard(other.guest, one.grant), 'nor does that one');
    t.strictSame(
      plain.received().filter((frame) => frame.readUInt16BE(12) === 0x0806),
      [],
      'nor a port of no VLAN',
    );

    // A guest that tags its frames gets into no VLAN, its own included.
    const asked = arp(who(one.grant), '10.92.0.99');
    one.guest.send(Buffer.concat([asked.subarray(0, 12), Buffer.from([0x81, 0, 0, 20]), asked.subarray(12)]));
    // What the trunk sends into the other VLAN arrives after it.
    const last = arp({ mac: '02:00:00:00:00:77', address: '10.92.0.77' }, '10.92.0.99');
    t.ok(
      await eventually(() => {
        trunk.send(Buffer.concat([last.subarray(0, 12), Buffer.from([0x81, 0, 0, 20]), last.subarray(12)]));
        const frames = other.guest.received();
        t.notOk(frames.some((frame) => frame.subarray(6, 12).equals(macBytes(one.grant.mac))));
        return frames.some((frame) => frame.subarray(6, 12).equals(macBytes('02:00:00:00:00:77')));
      }),
      'what comes by the trunk is heard',
    );

    t.strictSame(await differences(net.fabric, one.grant), []);
    t.strictSame(await net.fabric.check(cx), []);
    sh(`bridge vlan add dev ${one.grant.tap} vid 20`);
    t.match(await differences(net.fabric, one.grant), [
      { problem: 'it is in VLAN 10, 20, not in 10 alone and without a tag' },
    ]);
    t.match(await problem(() => net.fabric.verifyTap(one.grant.tap, vm(1), cx)), /VLAN 10, 20/);
    sh('ip link set br0 type bridge vlan_filtering 0');
    t.match(await net.fabric.check(cx), [{ what: 'bridge br0', problem: /no VLANs apart/ }, {}]);
  },
);

t.test('the cable of a clone in a namespace is in its VLAN, too', withFiltering, async (t) => {
  sh('ip link add br0 type bridge vlan_filtering 1 && ip link set br0 up');
  t.teardown(() => sh('ip link del br0'));
  const net = await Net.open(t, { front: existing(front) });
  const { tap: name, vlan, bridge, mac, mtu, isolated, nic } = net.grant(1, 'front');
  const namespace = Namespace.make();
  const route = new Route();
  t.teardown(() => {
    namespace.close();
    route.close();
  });
  const peer = 'uplink0' as typeof bridge;
  const step = { kind: 'uplink' as const, vm: vm(1), nic, name, bridge, vlan, peer, mac, mtu, isolated };
  await layUplink({ route, namespace, step }, cx);
  t.strictSame(uplinkDifferences(step, await lookAtTap({ ...step, route }, cx)), []);
  t.match(sh(`bridge vlan show dev ${name}`), /10 PVID Egress Untagged/);
  t.notMatch(sh(`bridge vlan show dev ${name}`), /\b1 /);
  sh(`ip link del ${name}`);
});

t.test(
  'a bridge of ours with two networks: each guest has its gateway, by its own VLAN',
  withLinks,
  async (t) => {
    const net = await Net.open(t, { front, back });
    t.match(sh('ip -4 -brief addr show dev br0.10'), '10.91.0.1/24');
    t.strictSame(await net.fabric.check(cx), []);
    for (const [n, network, gateway] of [
      [1, 'front', '10.91.0.1'],
      [2, 'back', '10.92.0.1'],
    ] as const) {
      const { grant, guest } = await net.guest(n, network);
      t.ok(
        await eventually(() => {
          guest.send(arp(who(grant), gateway));
          return guest.received().some((frame) => frame.readUInt16BE(12) === 0x0806 && frame[21] === 2);
        }),
        network,
      );
    }
    sh('ip link del br0.10');
    t.match(await net.fabric.lost(cx), ['bridge br0']);
    t.match(await net.fabric.check(cx), [{ problem: /VLAN 10, br0\.10, is gone/ }, {}]);
    t.match(await net.fabric.mend(cx), ['link br0.10']);
    t.strictSame(await net.fabric.check(cx), []);
    await net.restart({ front, back });
    t.strictSame(
      net.log.filter((line) => line.includes('mended')),
      [],
      'the next daemon finds all as it is to be',
    );
  },
);

t.test('the host’s link in a VLAN of an existing bridge may have any name', withLinks, async (t) => {
  sh(`ip link add br0 type bridge vlan_filtering 1 && ip link set br0 up && bridge vlan add dev br0 vid 10 self
    ip link add link br0 name lan10 type vlan id 10 && ip addr add 10.91.0.1/24 dev lan10 && ip link set lan10 up`);
  t.teardown(() => sh('ip link del br0'));
  const net = await Net.open(t, { front: { ...existing(front), hostAccess: ['udp/53'] } });
  t.match(sh('nft list chain inet thaw input'), 'iifname "lan10" udp dport 53 accept');
  t.strictSame(await net.fabric.check(cx), []);
  sh('ip link set lan10 down && ip link set lan10 name lan11 && ip link set lan11 up');
  t.match(await net.fabric.check(cx), [{ problem: /is lan11, not lan10: thaw’s rules miss it/ }]);
  sh('ip link set lan11 down && ip link set lan11 name lan10');
});
