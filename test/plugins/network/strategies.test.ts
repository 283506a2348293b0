import t from 'tap';
import { Manifest } from '../../../daemon/api/shapes/snapshot.js';
import { FabricConfig } from '../../../plugins/network/config.js';
import { Leases } from '../../../plugins/network/leases.js';
import { resolveNetworks } from '../../../plugins/network/networks.js';
import { stepsFor } from '../../../plugins/network/steps.js';
import { judgeHotAttach, planHotAttach } from '../../../plugins/network/strategies/hot-attach.js';
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

const leases = new Leases(resolveNetworks(FabricConfig.parse({}), ['192.0.2.53']));
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
  const nics = verdict.places.map((place) => ({ place, grant: leases.grant({ ...place, vm: vm(2) }) }));
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
    plan.guest.map(({ tell }) => tell?.mac),
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
