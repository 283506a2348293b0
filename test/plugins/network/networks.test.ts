import fc from 'fast-check';
import t from 'tap';
import { ThawError } from '../../../daemon/api/thaw-error.js';
import { FabricConfig } from '../../../plugins/network/config.js';
import {
  formatAddress,
  formatSubnet,
  parseAddress,
  parseRange,
  parseSubnet,
  rangeOf,
} from '../../../plugins/network/ipv4.js';
import { aliasOf, macFrom, tapName, vmOfAlias, vmOfTap } from '../../../plugins/network/names.js';
import { resolveNetworks, usableResolvers } from '../../../plugins/network/networks.js';
import { VmId } from '../../../daemon/api/shapes/ids.js';

const vmId = fc.stringMatching(/^[0-9a-z]{10}$/).map((id) => VmId.parse(`vm-${id}`));

function problem(networks: Record<string, unknown>): string {
  const checked = FabricConfig.safeParse({ networks });
  if (!checked.success) return 'schema';
  try {
    resolveNetworks(checked.data, []);
    return 'none';
  } catch (error) {
    if (error instanceof ThawError) return error.message;
    throw error;
  }
}

t.test('addresses and subnets are read as they are written, and nothing else is', (t) => {
  fc.assert(fc.property(fc.nat(0xffffffff), (n) => parseAddress(formatAddress(n)) === n));
  fc.assert(
    fc.property(fc.nat(0xffffffff), fc.integer({ min: 0, max: 32 }), (n, prefix) => {
      const base = n - (n % 2 ** (32 - prefix));
      const subnet = parseSubnet(formatSubnet({ base, prefix }));
      return (
        subnet !== null && subnet.base === base && rangeOf(subnet).last === base + 2 ** (32 - prefix) - 1
      );
    }),
  );
  for (const text of ['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.-4', '1.2.3.4 ', 'a.b.c.d'])
    t.equal(parseAddress(text), null, JSON.stringify(text));
  for (const text of ['10.0.0.0', '10.0.0.1/24', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0.0/08'])
    t.equal(parseSubnet(text), null, text);
  for (const text of ['10.0.0.9-10.0.0.1', '10.0.0.1-', '-10.0.0.1', '10.0.0.1-10.0.0.2-10.0.0.3'])
    t.equal(parseRange(text), null, text);
  t.end();
});

t.test('a tap’s name fits the kernel’s 15 bytes, and says whose it is', (t) => {
  fc.assert(
    fc.property(vmId, fc.nat(999), (vm, n) => {
      const name = tapName(vm, `eth${n}`);
      return Buffer.byteLength(name) <= 15 && vmOfTap(name) === vm;
    }),
  );
  fc.assert(
    fc.property(vmId, vmId, fc.nat(999), fc.nat(999), (a, b, m, n) => {
      const same = a === b && m === n;
      return (tapName(a, `eth${m}`) === tapName(b, `eth${n}`)) === same;
    }),
  );
  t.end();
});

t.test('only our own alias is taken for ours', (t) => {
  fc.assert(fc.property(vmId, (vm) => vmOfAlias(aliasOf(vm)) === vm));
  fc.assert(
    fc.property(fc.string(), (text) => vmOfAlias(text) === null || /^thaw:vm-[0-9a-z]{10}$/.test(text)),
  );
  for (const alias of [
    null,
    '',
    'thaw:',
    'thaw:vm-',
    'thaw:vm-0123456789a',
    'thaw:vm-012345678',
    'thaw:vm-ABCDEFGHIJ',
    'thaw:vm-0123456789 ',
    'thaw:vm-0123456789\n',
    ' thaw:vm-0123456789',
    'THAW:vm-0123456789',
    'thaw:bridge:default',
    'vm-0123456789',
  ])
    t.equal(vmOfAlias(alias), null, JSON.stringify(alias));
  t.end();
});

t.test('a MAC from a hash is locally administered and unicast', (t) => {
  fc.assert(fc.property(fc.string(), (text) => (Number.parseInt(macFrom(text).slice(0, 2), 16) & 3) === 2));
  t.end();
});

t.test('networks that can’t be are refused, each with its reason', (t) => {
  const one = { bridge: 'thaw0', subnet: '10.209.0.0/16' };
  t.equal(problem({ a: one }), 'none');
  t.equal(problem({ a: one, b: { bridge: 'thaw1', subnet: '10.89.0.0/16' } }), 'none');
  t.match(problem({ a: one, b: { bridge: 'thaw1', subnet: '10.209.4.0/24' } }), /overlaps that of a/);
  t.match(problem({ a: one, b: { bridge: 'thaw0', subnet: '10.89.0.0/16' } }), /its bridge thaw0 is a's too/);
  t.match(problem({ a: { ...one, gateway: '10.89.0.1' } }), /the gateway 10\.89\.0\.1/);
  t.match(problem({ a: { ...one, gateway: '10.209.255.255' } }), /the gateway/);
  t.match(problem({ a: { ...one, reserved: ['10.99.0.1'] } }), /10\.99\.0\.1 is not in/);
  const wrong: Record<string, unknown>[] = [
    { ...one, bridge: 'a-bridge-with-a-long-name' },
    { ...one, bridge: 'thaw"0' },
    { ...one, bridge: 'thaw 0' },
    { ...one, subnet: '10.209.0.1/16' },
    { ...one, subnet: '10.209.0.0/31' },
    { ...one, mtu: 67 },
    { ...one, mtu: 65536 },
    { ...one, dns: ['resolver.example'] },
    { ...one, hostAccess: ['udp/0'] },
    { ...one, hostAccess: ['udp/53; drop'] },
    { ...one, hostAccess: ['icmp/8'] },
    { ...one, subnets: [] },
  ];
  for (const network of wrong) t.equal(problem({ a: network }), 'schema', JSON.stringify(network));
  t.equal(problem({ A: one }), 'schema', 'a network’s name');
  t.equal(problem({}), 'schema', 'none at all');
  t.end();
});

t.test(
  'without a configuration there is one network, with NAT, and guests are told the host’s resolvers',
  (t) => {
    const dns = usableResolvers([
      '127.0.0.53',
      'fe80::1',
      '192.0.2.53',
      '192.0.2.54',
      '192.0.2.55',
      '192.0.2.56',
    ]);
    t.strictSame(dns, ['192.0.2.53', '192.0.2.54', '192.0.2.55']);
    const [network, ...more] = resolveNetworks(FabricConfig.parse({}), dns);
    t.strictSame(more, []);
    t.match(network, { name: 'default', bridge: 'thaw0', nat: true, isolate: true, mtu: 1500, dns });
    t.equal(formatSubnet(network!.subnet), '10.209.0.0/16');
    t.equal(formatAddress(network!.gateway), '10.209.0.1');
    t.end();
  },
);

t.test('an existing bridge is nobody’s NAT unless the network says so', (t) => {
  const existing = { bridge: 'br0', subnet: '192.0.2.0/24', existing: true };
  const [network] = resolveNetworks(FabricConfig.parse({ networks: { lan: existing } }), []);
  t.equal(network?.nat, false);
  t.end();
});
