// What the tests of strategies have in common: sources with NICs, guests looked into, the VMM asked.
import { request } from 'node:http';
import { readdir, readlink } from 'node:fs/promises';
import type { ParamsOf, ResultOf } from '../../client/index.js';
import type { Host } from '../support/host.js';
import { testKernel } from '../support/kernel.js';

export type Restored = ResultOf<'snapshot.restore'>;
export type VmView = Extract<Restored['clones'][number], { ok: true }>['vm'];

export const machine = { 'boot-source': { kernel_image_path: testKernel() } };

/** Two networks, on bridges of their own. */
export const networks = {
  default: { bridge: 'thaw0', subnet: '10.88.0.0/24' },
  back: { bridge: 'thaw1', subnet: '10.89.0.0/24' },
};

/** Boots a source with NICs and takes a snapshot with them inside; the source lives on. */
export async function sourceWithNics(
  host: Host,
  more: Partial<ParamsOf<'vm.boot'>> = {},
): Promise<{ source: VmView; snapshot: ResultOf<'snapshot.create'>['snapshot'] }> {
  const { thaw } = { thaw: host.client };
  const { vm: source } = await thaw.vm.boot({
    name: 'source',
    config: machine,
    networks: ['default'],
    ...more,
  });
  const { snapshot } = await thaw.snapshot.create({ vm: source.id, name: 'base', keepNics: true });
  return { source, snapshot };
}

/** The clones of a restore in which every one succeeded. */
export function clonesOf({ clones }: Restored): VmView[] {
  return clones.map((clone) => {
    if (!clone.ok) throw new Error(`${clone.name}: ${clone.error.message}`);
    return clone.vm;
  });
}

/** Why each clone that failed did. */
export const reasonsOf = ({ clones }: Restored): string[] =>
  clones.flatMap((clone) => (clone.ok ? [] : [clone.error.data.reason]));

/** The first NIC's address, without prefix. */
export const addressOf = (vm: VmView, nic = 0): string =>
  vm.attachments[nic]?.addresses[0]?.split('/')[0] ?? '';

/** Runs a program of the host in the network of a guest. */
export async function inGuest(host: Host, vm: VmView, ...command: readonly string[]): Promise<string> {
  const pid = await guestPid(host, vm);
  return host.exec('nsenter', '--target', String(pid), '--net', '--', ...command);
}

/** Whether an address answers a guest's ping. */
export const pingFrom = (host: Host, vm: VmView, address: string): Promise<boolean> =>
  inGuest(host, vm, 'ping', '-c', '1', '-W', '2', address).then(
    () => true,
    () => false,
  );

/** The number inside the box of a process in the guest's namespaces: a descendant of its VMM with another network. */
async function guestPid({ box }: Host, vm: VmView): Promise<number> {
  const inmates = await box.inmates();
  const proc = `/proc/${box.pid}/root/proc`;
  const networkOf = (pid: number) => readlink(`${proc}/${pid}/ns/net`).catch(() => '');
  const vmm = inmates.find(({ cwd, pid }) => cwd === vm.dir && pid !== 1)?.pid ?? 0;
  const own = await networkOf(vmm);
  const family = new Set([vmm]);
  for (let grown = true; grown;) {
    grown = false;
    for (const { pid, parent } of inmates) {
      if (family.has(pid) || !family.has(parent)) continue;
      family.add(pid);
      grown = true;
    }
  }
  for (const pid of family) {
    const network = await networkOf(pid);
    if (network !== '' && network !== own) return pid;
  }
  throw new Error(`the guest of ${vm.name} is not to be found`);
}

/** What the VMM says of its NICs. */
export async function nicsInVmm(vm: VmView): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const text = await new Promise<string>((resolve, reject) => {
    const ask = request({ socketPath: vm.apiSocket ?? '', path: '/vm/config' }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (piece: string) => (body += piece));
      answer.on('end', () => resolve(body));
    });
    ask.on('error', reject).end();
  });
  return (JSON.parse(text) as { 'network-interfaces': Readonly<Record<string, unknown>>[] })[
    'network-interfaces'
  ];
}

/** The folders of VMs in the run directory. */
export const vmFolders = async (host: Host): Promise<readonly string[]> =>
  (await readdir(`${host.runDir}/vms`)).filter((name) => name.startsWith('vm-'));
