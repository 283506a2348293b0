import t from 'tap';
import { Manifest } from '../../../daemon/api/shapes/snapshot.js';
import { FabricConfig } from '../../../plugins/network/config.js';
import { Leases } from '../../../plugins/network/leases.js';
import { resolveNetworks } from '../../../plugins/network/networks.js';
import { stepsFor } from '../../../plugins/network/steps.js';
import { planHotAttach } from '../../../plugins/network/strategies/hot-attach.js';
import { planNone } from '../../../plugins/network/strategies/none.js';
import type { PlanFacts } from '../../../plugins/contract.js';
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
const nics = ['eth0', 'eth1'].map((nic) => ({
  grant: leases.grant({ vm: vm(2), nic, network: 'default' }),
  ...(nic === 'eth0' ? { rxRateLimiter: { ops: { size: 10, refill_time: 1000 } } } : {}),
}));
const facts = (more: object = {}, over: Partial<PlanFacts> = {}): PlanFacts => ({
  vm: { id: vm(2), name: 'clone' },
  manifest: { ...manifest, ...more },
  vmmVersion: '1.16.1',
  nics,
  ...over,
});

t.test('hot-attach prepares each NIC before the load, and plugs it in afterwards', (t) => {
  const planned = planHotAttach(facts());
  if (!planned.ok) throw planned.error;
  const { prepare, load, plug } = planned.plan;
  t.strictSame(
    prepare,
    nics.flatMap(({ grant }) => stepsFor(grant)),
  );
  t.strictSame(
    prepare.map(({ kind }) => kind),
    ['lease', 'tap', 'filter', 'lease', 'tap', 'filter'],
  );
  t.strictSame(load, {});
  t.strictSame(JSON.parse(JSON.stringify(plug)), [
    {
      kind: 'nic',
      vm: vm(2),
      nic: 'eth0',
      tap: nics[0]!.grant.tap,
      mac: nics[0]!.grant.mac,
      mtu: 1500,
      rxRateLimiter: { ops: { size: 10, refill_time: 1000 } },
    },
    { kind: 'nic', vm: vm(2), nic: 'eth1', tap: nics[1]!.grant.tap, mac: nics[1]!.grant.mac, mtu: 1500 },
  ]);
  t.end();
});

t.test('hot-attach refuses what would end in a dead NIC, and says what to do', (t) => {
  const refusal = (given: PlanFacts) => {
    const planned = planHotAttach(given);
    return planned.ok
      ? 'none'
      : `${planned.error.reason}: ${planned.error.message} / ${planned.error.detail.remedy}`;
  };
  t.match(refusal(facts({ pci: false })), /^no-pci: vm-0000000001 .*--enable-pci/);
  t.match(refusal(facts({ everUnplugged: true })), /^nic-after-unplug: .*unplugged once/);
  t.match(
    refusal(facts({ hotAttach: { is: 'no', reason: 'its NIC was stripped' } })),
    /^not-fit-for-strategy: .*its NIC was stripped.*Boot the source without a NIC/,
  );
  t.match(
    refusal(facts({ hotAttach: { is: 'unknown', reason: 'it was adopted' } })),
    /^not-fit-for-strategy: .*it was adopted.*verify/,
  );
  t.match(
    refusal(facts({ nics: [{ id: 'eth0', tap: 'fc-tap-1', mac: null }] })),
    /^not-fit-for-strategy: .*eth0 on fc-tap-1.*Boot the source without a NIC/,
  );
  for (const vmmVersion of ['1.15.9', '0.25.0', 'v1.9.0'])
    t.match(refusal(facts({}, { vmmVersion })), /^vmm-too-old: .*needs 1\.16/, vmmVersion);
  for (const vmmVersion of ['1.16.0', 'v1.16.1', '1.17.0-dev', '1.100.0', '2.0.0'])
    t.equal(refusal(facts({}, { vmmVersion })), 'none', vmmVersion);
  t.end();
});

t.test('a clone that wants no NIC needs nothing of its snapshot but to have none', (t) => {
  const none = { pci: false, everUnplugged: true, hotAttach: { is: 'no', reason: 'stripped' } };
  for (const plan of [planNone, planHotAttach]) {
    const planned = plan(facts(none, { nics: [], vmmVersion: '1.0.0' }));
    t.strictSame(planned, { ok: true, plan: { prepare: [], load: {}, plug: [] } });
  }
  t.end();
});

t.test('none refuses a snapshot that carries a NIC', (t) => {
  const planned = planNone(facts({ nics: [{ id: 'eth0', tap: 'fc-tap-1', mac: null }] }, { nics: [] }));
  t.notOk(planned.ok);
  if (!planned.ok) t.match(planned.error, { reason: 'not-fit-for-strategy', detail: { instead: /strip/ } });
  t.end();
});
