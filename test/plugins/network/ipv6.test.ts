import fc from 'fast-check';
import t from 'tap';
import {
  addressBytes6,
  addressOf6,
  formatAddress6,
  inside6,
  linkLocalOf,
  parseAddress6,
  parseSubnet6,
} from '../../../plugins/network/ipv6.js';

t.test('an address is the same number however it is written, and written as the kernel does', (t) => {
  const address = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n });
  fc.assert(
    fc.property(address, (number) => {
      const groups = Array.from({ length: 8 }, (_, n) => (number >> BigInt(112 - 16 * n)) & 0xffffn);
      const long = groups.map((group) => group.toString(16).padStart(4, '0').toUpperCase()).join(':');
      return (
        parseAddress6(long) === number &&
        parseAddress6(formatAddress6(number)) === number &&
        addressOf6(addressBytes6(number)) === number
      );
    }),
  );
  t.equal(formatAddress6(0n), '::');
  t.equal(formatAddress6(parseAddress6('FD00:0:0:1::A') ?? 0n), 'fd00:0:0:1::a');
  t.equal(parseAddress6('::ffff:1.2.3.4'), 0xffff01020304n);
  for (const text of ['', '::1::', 'fe80::1%eth0', '1.2.3.4', 'fd00::12345', '[::1]', '::1/64'])
    t.equal(parseAddress6(text), null, JSON.stringify(text));
  t.end();
});

t.test('only a /64 in which hosts can live is a network’s', (t) => {
  for (const text of [
    'fd00::/48',
    'fd00::1/64',
    '::/64',
    'fe80::/64',
    'ff02::/64',
    'fd00::/64/1',
    '10.0.0.0/64',
  ])
    t.equal(parseSubnet6(text), null, text);
  const subnet = parseSubnet6('2001:db8:1:2::/64');
  if (!subnet) throw new Error('it is one');
  t.ok(inside6(parseAddress6('2001:db8:1:2:ffff::1') ?? 0n, subnet));
  t.notOk(inside6(parseAddress6('2001:db8:1:3::1') ?? 0n, subnet));
  t.end();
});

t.test('the link-local address is the one that the kernel makes of a MAC', (t) => {
  t.equal(formatAddress6(linkLocalOf('02:00:00:00:00:01')), 'fe80::ff:fe00:1');
  t.equal(formatAddress6(linkLocalOf('52:54:00:12:34:56')), 'fe80::5054:ff:fe12:3456');
  t.end();
});
