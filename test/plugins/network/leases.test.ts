import fc from 'fast-check';
import t from 'tap';
import { ThawError } from '../../../daemon/api/thaw-error.js';
import type { Grant } from '../../../plugins/contract.js';
import { FabricConfig } from '../../../plugins/network/config.js';
import { Leases } from '../../../plugins/network/leases.js';
import { resolveNetworks } from '../../../plugins/network/networks.js';
import { LeaseStep, stepsFor } from '../../../plugins/network/steps.js';
import { recorded, vm } from './fixture.js';

function leasesOf(...networks: readonly Record<string, unknown>[]): Leases {
  const named = networks.map((network, n) => [`net${n}`, { bridge: `br${n}`, ...network }] as const);
  return new Leases(resolveNetworks(FabricConfig.parse({ networks: Object.fromEntries(named) }), []));
}

const small = { subnet: '10.1.0.0/28', reserved: ['10.1.0.4-10.1.0.6', '10.1.0.6/31'] };
const nic = (n: number, more: object = {}) => ({ vm: vm(n), nic: 'eth0', network: 'net0', ...more });
const addressOf = (grant: Grant) => grant.addresses[0]?.split('/')[0];
const leaseOf = (grant: Grant) => LeaseStep.parse(recorded(stepsFor(grant)[0]!));

function reasonOf(fn: () => unknown): string {
  try {
    fn();
    return 'none';
  } catch (error) {
    if (error instanceof ThawError) return error.reason;
    throw error;
  }
}

t.test('a subnet gives all that it has, once, and then says that it is exhausted', (t) => {
  const leases = leasesOf(small);
  // 16 addresses, less network, broadcast, gateway, and 4 reserved.
  t.equal(leases.view()[0]?.capacity, 9);
  const grants = Array.from({ length: 9 }, (_, n) => leases.grant(nic(n)));
  t.strictSame(
    grants.map(addressOf).sort(),
    ['10', '11', '12', '13', '14', '2', '3', '8', '9'].map((last) => `10.1.0.${last}`),
  );
  t.equal(
    reasonOf(() => leases.grant(nic(99))),
    'subnet-exhausted',
  );
  t.equal(leases.view()[0]?.leases, 9);
  leases.release(grants[4]!);
  t.equal(addressOf(leases.grant(nic(99))), addressOf(grants[4]!), 'one given back is given again');
  // A failed grant holds nothing.
  t.equal(
    reasonOf(() => leases.grant(nic(100))),
    'subnet-exhausted',
  );
  t.end();
});

t.test('what is set aside for a plan is its holder’s again afterwards, and nobody else’s before', (t) => {
  const leases = leasesOf(small);
  const [first, second, gone] = [1, 2, 3].map((n) => leases.grant(nic(n))) as [Grant, Grant, Grant];
  leases.take(leaseOf(first));
  leases.release(gone);
  const wish = nic(9, { address: addressOf(first), mac: first.mac });
  leases.aside([first, second, gone], () => {
    t.equal(leases.view()[0]?.leases, 0);
    leases.release(leases.grant(wish));
  });
  t.equal(
    reasonOf(() => leases.grant(wish)),
    'mac-taken',
  );
  t.throws(() => leases.aside([first], () => leases.grant(nic(2))), 'a plan that is refused');
  t.equal(leases.view()[0]?.leases, 2, 'what nobody held is not held now');
  leases.release(first);
  t.equal(leases.view()[0]?.leases, 2, 'what is recorded is given back by its step only');
  leases.drop(leaseOf(first));
  t.equal(leases.view()[0]?.leases, 1);
  t.end();
});

t.test('whatever is granted, released, recorded and undone, nothing is ever held twice', (t) => {
  const command = fc.oneof(
    fc.record({ do: fc.constant('grant' as const), n: fc.nat(20), eth: fc.nat(2) }),
    fc.record({ do: fc.constant('static' as const), n: fc.nat(20), last: fc.nat(20) }),
    fc.record({
      do: fc.constantFrom('release' as const, 'record' as const, 'undo' as const),
      at: fc.nat(30),
    }),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 120 }), (commands) => {
      const leases = leasesOf(small);
      const granted: Grant[] = [];
      const gone = new Set<Grant>();
      const kept = new Set<Grant>();
      const live = () => granted.filter((grant) => !gone.has(grant));
      for (const one of commands) {
        if (one.do === 'grant' || one.do === 'static') {
          const wish =
            one.do === 'grant'
              ? nic(one.n, { nic: `eth${one.eth}` })
              : nic(one.n, { address: `10.1.0.${one.last}` });
          try {
            granted.push(leases.grant(wish));
          } catch (error) {
            if (!(error instanceof ThawError)) throw error;
          }
          continue;
        }
        const grant = granted[one.at % Math.max(1, granted.length)];
        if (!grant || gone.has(grant)) continue;
        if (one.do === 'record') {
          leases.take(leaseOf(grant));
          kept.add(grant);
        } else if (one.do === 'undo') {
          leases.drop(leaseOf(grant));
          gone.add(grant);
        } else {
          leases.release(grant);
          // A release is for grants whose step never ran.
          if (!kept.has(grant)) gone.add(grant);
        }
      }
      for (const of of [addressOf, (grant: Grant) => grant.mac, (grant: Grant) => grant.tap]) {
        const values = live().map(of);
        if (new Set(values).size !== values.length) return false;
      }
      return (
        leases.view()[0]?.leases === live().length && live().every((grant) => leases.holds(leaseOf(grant)))
      );
    }),
    { numRuns: 400 },
  );
  t.end();
});

t.test('static addresses and MACs are refused where they can’t be', (t) => {
  const leases = leasesOf(small, { subnet: '10.2.0.0/24', gateway: '10.2.0.254' });
  const first = leases.grant(nic(1, { address: '10.1.0.9', mac: '02:aa:bb:cc:dd:ee' }));
  t.equal(addressOf(first), '10.1.0.9');
  t.equal(first.mac, '02:aa:bb:cc:dd:ee');
  const refused = (more: object) => reasonOf(() => leases.grant(nic(2, more)));
  t.equal(refused({ address: '10.1.0.9' }), 'address-taken');
  for (const address of [
    '10.1.0.0',
    '10.1.0.1',
    '10.1.0.15',
    '10.1.0.5',
    '10.2.0.5',
    '10.1.0.09',
    'fe80::1',
    '',
  ])
    t.equal(refused({ address }), 'address-outside-subnet', address);
  t.equal(refused({ mac: '02:AA:bb:cc:dd:ee' }), 'mac-taken');
  t.equal(refused({ mac: '03:aa:bb:cc:dd:ee' }), 'mac-invalid', 'multicast');
  t.equal(refused({ mac: '00:00:00:00:00:00' }), 'mac-invalid');
  t.equal(refused({ nic: 'wlan0' }), 'nic-name-invalid');
  t.equal(refused({ nic: 'eth1000' }), 'nic-name-invalid');
  t.equal(
    reasonOf(() => leases.grant(nic(2, { network: 'nowhere' }))),
    'network-unknown',
  );
  t.equal(
    reasonOf(() => leases.grant(nic(1))),
    'address-taken',
    'a NIC has one lease',
  );
  t.equal(leases.view()[0]?.leases, 1, 'nothing refused is held');
  t.equal(
    reasonOf(() => leases.grant(nic(3, { network: 'net1', address: '10.2.0.254' }))),
    'address-outside-subnet',
  );
  t.end();
});

t.test('a daemon that starts holds what the records say, and tells of a conflict', (t) => {
  const before = leasesOf(small);
  const grants = [1, 2, 3].map((n) => before.grant(nic(n)));
  const after = leasesOf(small);
  for (const grant of grants) after.take(leaseOf(grant));
  for (const grant of grants) after.take(leaseOf(grant));
  t.equal(after.view()[0]?.leases, 3, 'once');
  const next = after.grant(nic(4));
  t.notOk(
    grants.some((grant) => addressOf(grant) === addressOf(next)),
    'an adopted address is not given',
  );
  t.equal(
    reasonOf(() => after.take({ ...leaseOf(grants[0]!), vm: vm(9) })),
    'mac-taken',
  );
  t.equal(
    reasonOf(() => after.take({ ...leaseOf(grants[0]!), vm: vm(9), mac: leaseOf(before.grant(nic(9))).mac })),
    'address-taken',
  );
  const another = leaseOf(before.grant(nic(8)));
  t.equal(
    reasonOf(() => after.take({ ...another, tap: grants[0]!.tap })),
    'tap-taken',
  );
  t.equal(after.view()[0]?.leases, 4, 'a conflict holds nothing');
  t.equal(
    reasonOf(() => leasesOf({ subnet: '10.9.0.0/24' }).take({ ...leaseOf(next), network: 'old' as never })),
    'network-unknown',
  );
  t.end();
});

t.test('what a VM got under another configuration stays its own, and takes nothing from the subnet', (t) => {
  const leases = leasesOf({ subnet: '10.5.0.0/29', reserved: ['10.5.0.6'] });
  const old = leaseOf(leasesOf(small).grant(nic(1)));
  const reserved = leaseOf(leasesOf({ subnet: '10.5.0.0/29' }).grant(nic(2, { address: '10.5.0.6' })));
  for (const step of [old, reserved]) {
    leases.take(step);
    t.ok(leases.holds(step));
  }
  t.match(leases.view()[0], { leases: 0, capacity: 4 });
  for (let n = 10; n < 14; n += 1) leases.grant(nic(n));
  t.equal(
    reasonOf(() => leases.grant(nic(14))),
    'subnet-exhausted',
  );
  for (const step of [old, reserved]) leases.drop(step);
  t.match(leases.view()[0], { leases: 4 });
  t.end();
});

t.test('a MAC is the same whenever it is made for a NIC, and never multicast', (t) => {
  const macs = Array.from({ length: 200 }, (_, n) => leasesOf(small).grant(nic(n)).mac);
  t.equal(new Set(macs).size, 200);
  t.ok(
    macs.every((mac) => (Number.parseInt(mac.slice(0, 2), 16) & 3) === 2),
    'locally administered, unicast',
  );
  t.equal(leasesOf(small).grant(nic(7)).mac, macs[7]);
  t.end();
});

t.test('a /16 is granted to the last address without a search through it', (t) => {
  const leases = leasesOf({ subnet: '10.3.0.0/16' });
  const { capacity } = leases.view()[0]!;
  const seen = new Set<string>();
  for (let n = 0; n < capacity; n += 1) seen.add(addressOf(leases.grant(nic(n)))!);
  t.equal(seen.size, 65_533);
  t.equal(
    reasonOf(() => leases.grant(nic(capacity))),
    'subnet-exhausted',
  );
  t.end();
});

t.test('a tap’s name that a snapshot brings along is one NIC’s at a time', (t) => {
  const leases = leasesOf(small);
  const first = leases.grant({ ...nic(1), tap: 'fc-tap-1' });
  t.equal(first.tap, 'fc-tap-1');
  t.equal(leases.tapUser('fc-tap-1'), vm(1));
  t.equal(
    reasonOf(() => leases.grant({ ...nic(2), tap: 'fc-tap-1' })),
    'tap-taken',
  );
  t.equal(leases.view()[0]?.leases, 1, 'who was refused holds nothing');
  leases.release(first);
  t.equal(leases.tapUser('fc-tap-1'), undefined);
  const second = leases.grant({ ...nic(2), tap: 'fc-tap-1' });
  leases.take(leaseOf(second));
  leases.release(second);
  t.equal(leases.tapUser('fc-tap-1'), vm(2), 'once its step ran, only its undo frees it');
  leases.drop(leaseOf(second));
  t.equal(leases.tapUser('fc-tap-1'), undefined);
  t.end();
});

t.test('a MAC is one NIC’s on each network', (t) => {
  const leases = leasesOf({ subnet: '10.5.0.0/24' }, { subnet: '10.6.0.0/24' });
  const mac = '02:00:00:00:00:07';
  leases.grant(nic(1, { mac }));
  t.equal(
    reasonOf(() => leases.grant(nic(2, { mac }))),
    'mac-taken',
  );
  t.equal(leases.grant({ ...nic(2, { mac }), network: 'net1' }).mac, mac);
  t.end();
});
