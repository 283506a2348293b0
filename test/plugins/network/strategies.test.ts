import t from 'tap';
import { Mac } from '../../../daemon/api/shapes/ids.js';
import { Manifest } from '../../../daemon/api/shapes/snapshot.js';
import { FabricConfig } from '../../../plugins/network/config.js';
import { Leases } from '../../../plugins/network/leases.js';
import { resolveNetworks } from '../../../plugins/network/networks.js';
import { stepsFor } from '../../../plugins/network/steps.js';
import { judgeHotAttach, planHotAttach } from '../../../plugins/network/strategies/hot-attach.js';
import { planKept } from '../../../plugins/network/strategies/kept.js';
import { judgeOverride, planOverride } from '../../../plugins/network/strategies/override.js';
import { judgeRecorded } from '../../../plugins/network/strategies/recorded.js';
import { judgeNone, planNone } from '../../../plugins/network/strategies/none.js';
import type { NetworkStrategy, Question, Verdict } from '../../../plugins/contract.js';
import { vm } from './fixture.js';

const manifest = Manifest.parse({
  version: 1,
  id: 'snap-0123456789',
  name: 'base',
  createdAt: 0,
  source: { vm: 'vm-0000000001', name: 'source', origin: 'booted' },
  parent: null,
  vmm: { version: '1.16.1', snapshotFormat: '7.0.0' },
  host: { cpuModel: 'a CPU', arch: 'x86_64', kernel: '6.1' },
  machine: { vcpus: 1, memoryMib: 128 },
  pci: true,
  everUnplugged: false,
  hotAttach: { is: 'yes', reason: 'booted without a NIC' },
  nics: [],
  drives: [],
  vsock: { cid: 3, path: 'v.sock' },
  agent: { dialect: 'qemu-ga', port: 1024 },
  generation: 1,
  files: [],
  labels: {},
});

const leases = new Leases(
  resolveNetworks(
    FabricConfig.parse({ networks: { default: { bridge: 'thaw0', subnet: '10.88.0.0/16' } } }),
    ['192.0.2.53'],
  ),
);
const limiter = { ops: { size: 10, refill_time: 1000 } };
const ask = (more: object = {}, over: Partial<Question> = {}): Question => ({
  manifest: Manifest.parse({ ...manifest, ...more }),
  vmmVersion: '1.16.1',
  wishes: [{ rxRateLimiter: limiter }, {}],
  clones: 2,
  keepMac: false,
  tapUsers: new Map(),
  ...over,
});
const carried = { nics: [{ id: 'eth0', tap: 'fc-tap-1', mac: null }] };

/** What a strategy says no with. */
const refusal = (verdict: Verdict) =>
  verdict.ok ? 'none' : `${verdict.error.reason}: ${verdict.error.message} / ${verdict.error.detail.remedy}`;

/** The plan of one clone, its places granted. */
function planned(strategy: Pick<NetworkStrategy, 'judge' | 'plan'>, question: Question) {
  const verdict = strategy.judge(question);
  if (!verdict.ok) throw verdict.error;
  const nics = verdict.places.map((place) => ({
    place,
    // Ports are granted by the fabric, which is not needed here.
    grant: { ...leases.grant({ ...place, vm: vm(2) }), ...(place.ports && { ports: place.ports }) },
  }));
  const { manifest, vmmVersion } = question;
  const plan = strategy.plan({ vm: { id: vm(2), name: 'clone' }, manifest, vmmVersion, nics });
  for (const { grant } of nics) leases.release(grant);
  return { plan, grants: nics.map(({ grant }) => grant) };
}

const hotAttach = { judge: judgeHotAttach, plan: planHotAttach };
const none = { judge: judgeNone, plan: planNone };

t.test('hot-attach prepares each NIC before the load, and plugs it in afterwards', (t) => {
  const { plan, grants } = planned(hotAttach, ask());
  t.strictSame(
    plan.prepare,
    grants.flatMap((grant) => stepsFor(grant)),
  );
  t.strictSame(
    plan.prepare.map(({ kind }) => kind),
    ['lease', 'tap', 'filter', 'lease', 'tap', 'filter'],
  );
  t.strictSame(plan.load, { keys: {}, taps: [] });
  t.strictSame(
    plan.plug,
    ['eth0', 'eth1'].map((nic, index) => ({
      ...{ kind: 'nic', vm: vm(2), nic, tap: grants[index]!.tap, mac: grants[index]!.mac, mtu: 1500 },
      ...(index === 0 && { rxRateLimiter: limiter }),
    })),
  );
  t.ok(plan.rescan);
  t.strictSame(
    plan.guest.map(({ tell }) => tell.mac),
    grants.map(({ mac }) => mac),
  );
  t.end();
});

t.test('hot-attach refuses what would end in a dead NIC, and says what to do', (t) => {
  const said = (more?: object, over?: Partial<Question>) => refusal(judgeHotAttach(ask(more, over)));
  t.match(said({ pci: false }), /^no-pci: vm-0000000001 .*--enable-pci/);
  t.match(said({ everUnplugged: true }), /^nic-after-unplug: .*unplugged once/);
  t.match(
    said({ hotAttach: { is: 'no', reason: 'its NIC was stripped' } }),
    /^not-fit-for-strategy: .*its NIC was stripped.*Boot the source without a NIC/,
  );
  t.match(
    said({ hotAttach: { is: 'unknown', reason: 'it was adopted' } }),
    /^not-fit-for-strategy: .*it was adopted.*verify/,
  );
  t.match(said(carried), /^not-fit-for-strategy: .*eth0 on fc-tap-1.*override/);
  t.match(said({}, { keepMac: true }), /^not-fit-for-strategy: .*no NIC whose MAC/);
  t.match(said({}, { wishes: [{ id: 'eth3' }] }), /^nic-unknown: base has no NIC eth3/);
  for (const vmmVersion of ['1.15.9', '0.25.0', 'v1.9.0'])
    t.match(said({}, { vmmVersion }), /^vmm-too-old: .*needs 1\.16/, vmmVersion);
  for (const vmmVersion of ['1.16.0', 'v1.16.1', '1.17.0-dev', '1.100.0', '2.0.0'])
    t.equal(said({}, { vmmVersion }), 'none', vmmVersion);
  t.end();
});

t.test('a clone that wants no NIC needs nothing of its snapshot but to have none', (t) => {
  const stripped = { pci: false, everUnplugged: true, hotAttach: { is: 'no', reason: 'stripped' } };
  for (const strategy of [none, hotAttach]) {
    const { plan } = planned(strategy, ask(stripped, { wishes: [], vmmVersion: '1.0.0' }));
    t.strictSame({ ...plan, vmm: {} }, planNone());
  }
  t.end();
});

t.test('none refuses a snapshot that carries a NIC, and NICs that were asked for', (t) => {
  t.match(refusal(judgeNone(ask(carried, { wishes: null }))), /^not-fit-for-strategy: .*strip/);
  t.match(refusal(judgeNone(ask())), /^not-fit-for-strategy: .*gives no NICs/);
  t.equal(refusal(judgeNone(ask({}, { wishes: null }))), 'none');
  t.end();
});

const inside = {
  nics: [
    { id: 'eth0', tap: 'tap0', mac: '02:00:00:00:00:0a', network: 'default', addresses: ['10.88.0.9/16'] },
    { id: 'eth1', tap: 'tap1', mac: '02:00:00:00:00:0b', network: 'default', addresses: ['10.88.0.10/16'] },
  ],
};
const override = { judge: judgeOverride, plan: planOverride };
const recorded = { judge: judgeRecorded, plan: planKept };

t.test('override opens a port only after the guest’s word, and tells NICs by their former MACs', (t) => {
  const port = { protocol: 'tcp' as const, host: 8080, guest: 80 };
  const { plan, grants } = planned(override, ask(inside, { wishes: [{ id: 'eth1', ports: [port] }] }));
  const kinds = (steps: readonly { readonly kind: string }[]) => steps.map(({ kind }) => kind).join(' ');
  t.equal(kinds(plan.prepare), 'lease tap lease tap');
  t.equal(kinds(plan.settle), 'filter filter ports');
  t.strictSame(
    plan.load.taps,
    grants.map(({ tap }) => String(tap)),
  );
  t.strictSame(
    plan.load.keys['network_overrides'],
    grants.map(({ nic, tap }) => ({ iface_id: nic, host_dev_name: tap })),
  );
  t.strictSame(
    plan.guest.map(({ tell }) => tell.formerMac),
    inside.nics.map(({ mac }) => mac),
  );
  t.notOk(
    grants.some(({ mac }) => inside.nics.some((nic) => nic.mac === String(mac))),
    'none of which is given again',
  );
  const kept = planned(override, ask(inside, { keepMac: true, clones: 1, wishes: null }));
  t.strictSame(
    kept.grants.map(({ mac }) => String(mac)),
    inside.nics.map(({ mac }) => mac),
  );
  t.strictSame(
    kept.plan.guest.map(({ tell }) => tell.formerMac),
    [undefined, undefined],
  );
  t.end();
});

t.test('override refuses what no clone could be told, or what would end the VMM', (t) => {
  const said = (more?: object, over?: Partial<Question>) =>
    refusal(judgeOverride(ask({ ...inside, ...more }, { wishes: null, ...over })));
  t.equal(said(), 'none');
  t.match(said({ nics: [] }), /no NIC inside.*hot-attach/);
  t.match(said({ agent: null }), /no agent.*recorded/);
  t.match(said(carried), /nobody knows the MAC of its eth0/);
  t.match(said({}, { vmmVersion: '1.11.0' }), /^vmm-too-old: .*needs 1\.12/);
  t.match(said({}, { keepMac: true }), /can be one clone’s on each network, and 2/);
  t.match(
    said({}, { wishes: [{ id: 'eth2' }] }),
    /^nic-unknown: base has no NIC eth2 inside; it has: eth0, eth1/,
  );
  t.match(said({}, { wishes: [{ id: 'eth0' }, { id: 'eth0' }] }), /eth0 is asked for twice/);
  t.match(said({}, { wishes: [{}, {}, {}] }), /2 NICs inside.*thaw attach/);
  const mac = Mac.parse('02:00:00:00:00:0b');
  t.match(said({}, { wishes: [{ id: 'eth0', mac }] }), /^mac-taken: .*eth1 of the snapshot/);
  t.end();
});

t.test('recorded takes the source’s place: taps, MACs, addresses, and tells only what changes', (t) => {
  const one = { clones: 1, wishes: null };
  const { plan, grants } = planned(recorded, ask(inside, one));
  t.strictSame(
    grants.map(({ tap, mac, addresses }) => ({ tap, mac, addresses })),
    inside.nics.map(({ tap, mac, addresses }) => ({ tap, mac, addresses })),
  );
  t.strictSame(plan.load, { keys: {}, taps: ['tap0', 'tap1'] });
  const said = (more: object, over: Partial<Question> = {}) =>
    refusal(judgeRecorded(ask({ ...inside, ...more }, { ...one, ...over })));
  t.equal(said({ agent: null }), 'none', 'nobody needs to be told');
  t.match(
    said({ agent: null }, { wishes: [{ address: '10.88.0.11' }] }),
    /no agent.*another MAC or address for eth0/,
  );
  t.equal(said({}, { wishes: [{ address: '10.88.0.11' }] }), 'none');
  t.match(said({}, { clones: 2 }), /tap0, tap1 can be one VM’s at a time/);
  t.match(said({}, { tapUsers: new Map([['tap1', 'web-1']]) }), /^tap-taken: The tap tap1, .* web-1’s/);
  t.end();
});
