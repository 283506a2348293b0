import t from 'tap';
import { counter, cx, eventually, kindOf, Net, sh } from './fixture.js';
import {
  arp,
  gateway,
  type Guest,
  icmp6,
  macBytes,
  macOf,
  strange,
  tagged,
  udp,
  who,
  type Who,
} from './guest.js';
import { ownNamespace } from './own-namespace.js';

ownNamespace();

const isArpAnswer = (frame: Buffer) => frame.readUInt16BE(12) === 0x0806 && frame[21] === 2;

/** Whether the host answers this guest's ARP request for its gateway. */
function answered(guest: Guest, as: Who, target = gateway): Promise<boolean> {
  return eventually(() => {
    guest.send(arp(as, target));
    return guest.received().some(isArpAnswer);
  });
}

t.test('a guest’s own frames pass, others are dropped and counted, each for its reason', async (t) => {
  const net = await Net.open(t);
  const { grant, guest } = await net.guest(1);
  const self = who(grant);
  t.ok(await answered(guest, self), 'its own address is answered');

  const otherMac = { ...self, mac: '02:00:00:00:00:99' };
  const otherAddress = { ...self, address: '10.209.77.77' };
  const asGateway = { ...self, address: gateway };
  const unset = { ...self, address: '0.0.0.0' };
  const everybody = '255.255.255.255';
  const cases: [string, string, Buffer][] = [
    ['another MAC', 'spoofed_mac', udp(otherMac, { address: gateway, port: 9 })],
    ['another address', 'spoofed_ip', udp(otherAddress, { address: gateway, port: 9 })],
    ['the gateway’s address', 'spoofed_ip', udp(asGateway, { address: '10.209.0.9', port: 9 })],
    ['no address', 'spoofed_ip', udp(unset, { address: gateway, port: 9 })],
    ['an ARP request from another address', 'spoofed_arp', arp(otherAddress, gateway)],
    ['an ARP answer for the gateway', 'spoofed_arp', arp(asGateway, '10.209.0.9', { answer: true })],
    ['another MAC inside ARP', 'spoofed_arp', arp(otherMac, gateway, { frameMac: self.mac })],
    ['a DHCP offer', 'dhcp_server', udp(self, { address: everybody, from: 67, port: 68 })],
    ['a DHCP request', 'dhcp_client', udp(unset, { address: everybody, from: 68, port: 67 })],
    ['a router advertisement', 'router_advert', icmp6(self.mac, 134)],
    ['IPv6 where the network has none', 'spoofed_ip6', icmp6(self.mac, 135)],
    ['a VLAN tag before an allowed packet', 'any_vlan', tagged(udp(self, { address: gateway, port: 9 }))],
    ['another protocol', 'any_other', strange(self.mac)],
  ];
  for (const [what, name, frame] of cases) {
    const before = counter(name);
    guest.send(frame);
    t.ok(await eventually(() => counter(name) === before + 1), `${what} is dropped as ${name}`);
  }
  // Duplicate address detection is no spoofing.
  guest.received();
  guest.send(arp(unset, gateway));
  t.ok(await eventually(() => guest.received().some(isArpAnswer)), 'an ARP probe is answered');
});

t.test('a tap is closed from its making until its filter, and again after it', async (t) => {
  const net = await Net.open(t);
  const grant = net.grant(2);
  const [lease, tap, filter] = net.fabric.stepsFor(grant);
  for (const step of [lease!, tap!]) await kindOf(net.fabric, step).run(step, cx);
  const guest = net.open(grant.tap);
  const closed = () => {
    const before = counter('closed');
    return eventually(() => {
      guest.send(arp(who(grant), gateway));
      return counter('closed') > before;
    });
  };
  t.ok(await closed(), 'closed before');
  t.notOk(guest.received().some(isArpAnswer), 'and nobody answered');
  await kindOf(net.fabric, filter!).run(filter!, cx);
  t.ok(await answered(guest, who(grant)), 'open with its filter');
  await kindOf(net.fabric, filter!).undo(filter!, cx);
  t.ok(await closed(), 'closed after');
});

t.test('VMs reach each other where the network says so, and only there', async (t) => {
  const net = await Net.open(t, {
    apart: { bridge: 'thaw1', subnet: '10.91.0.0/24' },
    together: { bridge: 'thaw2', subnet: '10.92.0.0/24', isolate: false },
  });
  const heard = (guest: Guest, from: string) =>
    guest.received().some((frame) => frame.subarray(6, 12).equals(macBytes(from)));

  const [one, two] = [await net.guest(10, 'together'), await net.guest(11, 'together')];
  t.ok(
    await eventually(() => {
      one.guest.send(arp(who(one.grant), who(two.grant).address));
      return heard(two.guest, one.grant.mac);
    }),
    'together: one hears the other',
  );

  const [three, four] = [await net.guest(20, 'apart'), await net.guest(21, 'apart')];
  t.ok(await answered(four.guest, who(four.grant), '10.91.0.1'), 'apart: the second reaches the host');
  t.ok(await answered(three.guest, who(three.grant), '10.91.0.1'), 'apart: the first does');
  // Those requests were broadcasts, and the host has heard them: so the neighbour would have.
  t.notOk(heard(four.guest, three.grant.mac), 'apart: the neighbour heard nothing');

  // By way of the gateway neither, nor from one network into the other.
  for (const { grant } of [four, two]) {
    const before = counter('to_vm', 'inet');
    const { address } = who(grant);
    three.guest.send(udp(who(three.grant), { mac: macOf('thaw1'), address, port: 9 }));
    t.ok(await eventually(() => counter('to_vm', 'inet') === before + 1), `routed to ${address}: dropped`);
  }
});

t.test('the host is closed to VMs but for what the network opens', async (t) => {
  const net = await Net.open(t, {
    default: { bridge: 'thaw0', subnet: '10.209.0.0/16', hostAccess: ['udp/53'] },
  });
  const { grant, guest } = await net.guest(3);
  t.ok(await answered(guest, who(grant)));
  const mac = macOf('thaw0');
  // Nobody listens: an open port is answered by "port unreachable", a closed one by nothing.
  const unreachable = (frame: Buffer) =>
    frame.readUInt16BE(12) === 0x0800 && frame[23] === 1 && frame[34] === 3;
  t.ok(
    await eventually(() => {
      guest.send(arp(who(grant), gateway, { answer: true }));
      guest.send(udp(who(grant), { mac, address: gateway, port: 53 }));
      return guest.received().some(unreachable);
    }),
    'the opened port is reached',
  );
  const before = counter('to_host', 'inet');
  guest.send(udp(who(grant), { mac, address: gateway, port: 22 }));
  t.ok(
    await eventually(() => counter('to_host', 'inet') === before + 1),
    'another one is not, and is counted',
  );
});

t.test('beyond the subnet a VM speaks with the host’s address, and nobody comes in unasked', async (t) => {
  sh('ip tuntap add up0 mode tap vnet_hdr && ip addr add 192.0.2.2/24 dev up0 && ip link set up0 up');
  sh(
    'ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 nud permanent dev up0 && ip route add default via 192.0.2.1',
  );
  t.teardown(() => sh('ip link del up0'));
  const net = await Net.open(t);
  const { grant, guest } = await net.guest(4);
  const uplink = net.open('up0');
  t.ok(await answered(guest, who(grant)));
  const mac = macOf('thaw0');
  const isUdp = (frame: Buffer) => frame.readUInt16BE(12) === 0x0800 && frame[23] === 17;
  let seen: Buffer | undefined;
  t.ok(
    await eventually(() => {
      guest.send(udp(who(grant), { mac, address: '198.51.100.7', port: 9 }));
      seen ??= uplink.received().find(isUdp);
      return seen !== undefined;
    }),
    'it leaves',
  );
  t.equal([...(seen?.subarray(26, 30) ?? [])].join('.'), '192.0.2.2', 'with the host’s address');

  // A host that serves metadata to itself must not serve it to its guests.
  const linkLocal = counter('to_link_local', 'inet');
  guest.send(udp(who(grant), { mac, address: '169.254.169.254', port: 80 }));
  t.ok(await eventually(() => counter('to_link_local', 'inet') === linkLocal + 1), 'not to link-local ones');

  const outside = counter('from_outside', 'inet');
  const stranger = { mac: '02:00:00:00:00:01', address: '198.51.100.9' };
  uplink.send(udp(stranger, { mac: macOf('up0'), address: who(grant).address, port: 22 }));
  t.ok(await eventually(() => counter('from_outside', 'inet') === outside + 1), 'nothing unasked comes in');
});
