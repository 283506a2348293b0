import t from 'tap';
import type { GuestFacts } from '../../daemon/api/shapes/guest.js';
import { judgeGuest, type GuestSeen } from '../../daemon/doctor/guest-judge.js';

/** A guest that lacks nothing. */
const well: GuestFacts = {
  kernel: '6.1.0-18-cloud-amd64',
  pci: 'devices',
  rescan: 'open',
  hotplug: 'yes',
  virtioPci: 'there',
  virtioNet: 'there',
  vmgenid: 'bound',
  loopback: 'blocked',
  reseeds: 'installed',
  lacks: [],
  ipLacks: [],
  closed: [],
  machineId: 'there',
  restoreD: 'there',
  idle: [],
  managers: [],
  claims: [],
};
const agent: GuestSeen['agent'] = { dialect: 'qemu-ga', via: 'vsock', port: 999 };
const judged = (over: Partial<GuestFacts>, more: Partial<GuestSeen> = {}) =>
  judgeGuest({ agent, version: '7.2', look: { commandsOff: [], facts: { ...well, ...over } }, ...more });
/** What is not well, as `check level`. */
const findings = (...of: Parameters<typeof judged>) =>
  judged(...of).flatMap(({ check, level }) => (level === 'ok' ? [] : [`${check}: ${level}`]));

t.test('a guest that lacks nothing', (t) => {
  const all = judged({});
  t.strictSame(findings({}), []);
  t.match(all[0], { check: 'agent', found: 'qemu-ga 7.2 answers on vsock port 999' });
  t.ok(all.every(({ level, remedy }) => level !== 'ok' || remedy === null));
  t.end();
});

t.test('each thing that it lacks is a finding of its own, with a remedy', (t) => {
  const cases: [Partial<GuestFacts>, string][] = [
    [{ pci: 'off' }, 'PCI: problem'],
    [{ pci: 'none' }, 'PCI: problem'],
    [{ pci: 'empty' }, 'PCI: problem'],
    [{ rescan: 'closed' }, 'hot-plug: problem'],
    [{ hotplug: 'no' }, 'hot-plug: warning'],
    [{ virtioPci: 'missing' }, 'virtio_pci: problem'],
    [{ virtioNet: 'module' }, 'virtio_net: warning'],
    [{ virtioNet: 'missing' }, 'virtio_net: problem'],
    [{ vmgenid: 'none', reseeds: 'nothing' }, 'randomness: problem'],
    [{ vmgenid: 'unheard', reseeds: 'nothing' }, 'randomness: problem'],
    [{ vmgenid: 'none', reseeds: 'python3' }, 'randomness: warning'],
    [{ loopback: 'loadable' }, 'vsock_loopback: warning'],
    [{ loopback: 'loaded' }, 'vsock_loopback: problem'],
    [{ loopback: 'builtin' }, 'vsock_loopback: problem'],
    [{ lacks: ['ip'] }, 'programs: problem'],
    [{ lacks: ['date'] }, 'programs: problem'],
    [{ ipLacks: ['route'] }, 'programs: problem'],
    [{ closed: ['/etc'] }, 'files: problem'],
    [{ machineId: 'missing' }, 'machine-id: warning'],
    [{ idle: ['10-app'] }, 'restore.d: warning'],
    [{ managers: ['NetworkManager'] }, 'eth0: warning'],
    [{ claims: ['/etc/network/interfaces'] }, 'eth0: warning'],
  ];
  for (const [over, finding] of cases) {
    t.strictSame(findings(over), [finding], JSON.stringify(over));
    const [found] = judged(over).filter(({ level }) => level !== 'ok');
    t.ok(found?.remedy, 'what to do');
  }
  t.end();
});

t.test('what makes up for it is no finding', (t) => {
  t.strictSame(findings({ vmgenid: 'none' }), []);
  t.strictSame(findings({ vmgenid: 'none', reseeds: 'brought' }), []);
  t.strictSame(findings({ restoreD: 'missing', loopback: 'missing' }), []);
  t.strictSame(
    findings(
      { loopback: 'loaded' },
      { agent: { dialect: 'qemu-ga', via: 'unix', port: 1024, path: 'a.sock' } },
    ),
    [],
    'nobody reaches it by vsock',
  );
  t.strictSame(
    findings({ kernel: '5.10.0', reseeds: 'nothing' }),
    ['randomness: problem'],
    'before 5.18 nobody listens to a new id',
  );
  t.end();
});

t.test('an agent that anybody could be, that may do too little, or that tells nothing', (t) => {
  t.strictSame(findings({}, { agent: { ...agent, port: 1024 } }), ['agent port: warning']);
  const facts = well;
  t.strictSame(findings({}, { look: { commandsOff: ['guest-set-time'], facts } }), [
    'agent commands: warning',
  ]);
  t.strictSame(findings({}, { look: { commandsOff: ['guest-exec'], facts: null } }), [
    'agent commands: problem',
  ]);
  t.strictSame(findings({}, { look: null }), ['guest: warning']);
  t.end();
});
