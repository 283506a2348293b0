import { readdir, readlink } from 'node:fs/promises';
import t from 'tap';
import type { ResultOf } from '../../client/index.js';
import { startHost, type Host } from '../support/host.js';
import { testKernel } from '../support/kernel.js';

type Vm = ResultOf<'vm.get'>['vm'];

const config = {
  'boot-source': { kernel_image_path: testKernel() },
  'machine-config': { vcpu_count: 1, mem_size_mib: 128 },
  vsock: { guest_cid: 3 },
};

/** A source with a NIC, which it has used: its guest remembers the gateway's MAC. And a snapshot with the NIC inside. */
async function snapshotWithNic(host: Host, networks = ['default']): Promise<Vm> {
  const { vm } = await host.client.vm.boot({ name: 'source', config, networks });
  for (const { addresses } of vm.attachments) await host.ping(bare(addresses));
  await host.client.snapshot.create({ vm: 'source', name: 'base', keepNics: true });
  return vm;
}

async function restore(host: Host, more: { count?: number; names?: string[]; ping?: boolean } = {}): Promise<Vm[]> {
  const { clones } = await host.client.snapshot.restore({ snapshot: 'base', strategy: 'netns', ...more });
  return clones.map((clone) => {
    if (clone.ok) return clone.vm;
    throw new Error(JSON.stringify(clone.error));
  });
}

const bare = (addresses: readonly string[] | undefined): string => addresses?.[0]?.split('/')[0] ?? '';
const outer = (vm: Vm, nic = 0): string => bare(vm.attachments[nic]?.addresses);
const pidOf = (vm: Vm): number => (vm.process.is === 'alive' ? (vm.process.pid ?? 0) : 0);

/** Runs a command in the guest of the stand-in, which is a child of its VMM. */
async function inGuest(host: Host, vm: Vm, command: string): Promise<string> {
  const script = `
    for p in /proc/[0-9]*; do
      grep -q "^PPid:	$1$" $p/status 2>/dev/null || continue
      exec nsenter --target \${p#/proc/} --net --mount --uts --root sh -c "$2"
    done; exit 9`;
  return host.exec('sh', '-c', script, 'guest', String(pidOf(vm)), command);
}

const succeeds = (promise: Promise<unknown>): Promise<boolean> =>
  promise.then(
    () => true,
    () => false,
  );

const netnsOf = (host: Host, pid: number | 'self'): Promise<string> =>
  host.exec('readlink', `/proc/${pid}/ns/net`).then((text) => text.trim());

/** Network namespaces that the daemon holds open. */
async function held(host: Host): Promise<number> {
  const dir = `/proc/${host.pid}/fd`;
  const links = await Promise.all((await readdir(dir)).map((fd) => readlink(`${dir}/${fd}`).catch(() => '')));
  return links.filter((link) => link.startsWith('net:')).length;
}

t.test('clones with the same MAC and address inside are reached at addresses of their own', async (t) => {
  const host = await startHost(t, { config: { netns: { pool: 1 } } });
  const source = await snapshotWithNic(host);
  const vms = await restore(host, { names: ['one', 'two', 'three'], ping: true });
  t.strictSame(
    vms.map((vm) => vm.word),
    ['ready', 'ready', 'ready'],
  );
  const own = outer(source);
  const outers = vms.map((vm) => outer(vm));
  t.equal(new Set([own, ...outers]).size, 4, 'source and clones have an address each');
  for (const vm of vms) {
    t.ok(await host.ping(outer(vm)), `the host reaches ${vm.name}`);
    const [nic] = vm.attachments;
    t.match(nic, { id: 'eth0', guestInterface: 'eth0', state: { is: 'confirmed' } });
    const inside = await inGuest(host, vm, 'cat /sys/class/net/eth0/address; ip -4 -o addr show eth0; hostname');
    t.match(inside, source.attachments[0]?.mac ?? '-', 'the MAC of the source');
    t.match(inside, own, 'the address of the source');
    t.match(inside, new RegExp(`^${vm.name}$`, 'm'), 'and a name of its own');
    t.ok(await succeeds(inGuest(host, vm, 'ping -c 1 -W 2 10.209.0.1')), 'it reaches its gateway');
    t.not(await netnsOf(host, pidOf(vm)), await netnsOf(host, 'self'), 'its VMM is in another namespace');
  }
  t.ok(await host.ping(own), 'the source is still there');
  t.strictSame((await host.client.network.check({ ping: true })).findings, []);
  // A first clone gone, its address and its names can be used again.
  await host.client.vm.stop({ vm: 'one' });
  t.notOk(await host.ping(outer(vms[0] as Vm)));
  const [again] = await restore(host, { names: ['one'], ping: true });
  t.equal(again?.word, 'ready');
  for (const vm of ['source', 'one', 'two', 'three']) await host.client.vm.stop({ vm });
  t.strictSame(await host.leftovers(), []);
});
