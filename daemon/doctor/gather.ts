import { release } from 'node:os';
import type { Context, EngineState } from '../../plugins/contract.js';
import {
  doctorChains,
  doctorDevice,
  doctorExecutable,
  doctorFileSystem,
  doctorNames,
  doctorProgram,
  doctorReflink,
  doctorText,
} from '../effects/doctor.js';
import type { DeviceFacts } from './devices.js';
import type { DirectoryFacts } from './directories.js';
import type { FirecrackerFacts } from './firecracker.js';
import { forwardingSysctls } from './forwarding.js';
import type { KernelFacts } from './kernel.js';
import type { ManagerFacts } from './managers.js';
import type { NetworkFacts } from './network.js';
import type { PrivilegeFacts } from './privileges.js';

/** What the daemon tells of itself. */
export interface DoctorInput {
  /** Firecracker's path, the version that it tells, and why it tells none. */
  readonly binary: string;
  readonly version: string | null;
  readonly problem: string | null;
  readonly runDir: string;
  readonly storeDir: string;
  /** What the engines of networks that thaw does not make say of themselves. */
  readonly engines: readonly EngineState[];
  /** The text of a guest kernel's configuration, where one shall be judged too. */
  readonly kernelConfig?: string | undefined;
}

/** All that is judged: plain data, so that judgements can be tested with hosts that nobody has. */
export interface HostFacts {
  readonly firecracker: FirecrackerFacts;
  readonly devices: DeviceFacts;
  readonly privileges: PrivilegeFacts;
  readonly network: NetworkFacts;
  readonly directories: DirectoryFacts;
  readonly cgroupControllers: string | null;
}

async function firecracker(input: DoctorInput, cx: Context): Promise<FirecrackerFacts> {
  const { binary, version, problem } = input;
  return { binary, version, problem, executable: await doctorExecutable(binary, cx) };
}

async function devices(cx: Context): Promise<DeviceFacts> {
  const [kvm, tun, cpuinfo] = await Promise.all([
    doctorDevice('/dev/kvm', cx),
    doctorDevice('/dev/net/tun', cx),
    doctorText('/proc/cpuinfo', cx),
  ]);
  return { kvm, tun, cpuinfo };
}

async function privileges(cx: Context): Promise<PrivilegeFacts> {
  const [status, uidMap, limits] = await Promise.all([
    doctorText('/proc/self/status', cx),
    doctorText('/proc/self/uid_map', cx),
    doctorText('/proc/self/limits', cx),
  ]);
  return { status, uidMap, limits };
}

async function kernel(cx: Context): Promise<KernelFacts> {
  const modules = `/lib/modules/${release()}`;
  const [own, installed, loaded, builtin, loadable] = await Promise.all([
    doctorText('/proc/config.gz', cx),
    doctorText(`/boot/config-${release()}`, cx),
    doctorText('/proc/modules', cx),
    doctorText(`${modules}/modules.builtin`, cx),
    doctorText(`${modules}/modules.dep`, cx),
  ]);
  return { config: own ?? installed, loaded, builtin, loadable };
}

async function textsIn(dirs: readonly string[], ending: string, cx: Context) {
  const texts = await Promise.all(
    dirs.map(async (dir) => {
      const names = (await doctorNames(dir, cx)).filter((name) => name.endsWith(ending));
      return await Promise.all(
        names.map(async (name) => ({ name, text: (await doctorText(`${dir}/${name}`, cx)) ?? '' })),
      );
    }),
  );
  return texts.flat();
}

async function managers(cx: Context): Promise<ManagerFacts> {
  const places = ['/etc', '/run', '/usr/lib'];
  const [manager, conf, networkd, files] = await Promise.all([
    doctorText('/run/NetworkManager/NetworkManager.pid', cx),
    textsIn([...places.map((place) => `${place}/NetworkManager/conf.d`), '/etc/NetworkManager'], '.conf', cx),
    doctorNames('/run/systemd/netif', cx),
    textsIn(
      places.map((place) => `${place}/systemd/network`),
      '.network',
      cx,
    ),
  ]);
  const links = manager === null ? await doctorNames('/run/NetworkManager', cx) : [];
  return {
    networkManager: {
      running: manager !== null || links.includes('devices'),
      conf: conf.map(({ text }) => text),
    },
    networkd: { running: networkd.includes('links'), files },
  };
}

async function network(cx: Context): Promise<NetworkFacts> {
  const [nft, ip, facts, found, values] = await Promise.all([
    doctorProgram('nft', cx),
    doctorProgram('ip', cx),
    kernel(cx),
    managers(cx),
    Promise.all(
      forwardingSysctls.map(async (path) => [path, await doctorText(`/proc/sys/${path}`, cx)] as const),
    ),
  ]);
  const chains = nft === null ? null : await doctorChains(nft, cx);
  return { nft, ip, kernel: facts, ...found, chains, sysctls: Object.fromEntries(values) };
}

async function directories({ runDir, storeDir }: DoctorInput, cx: Context): Promise<DirectoryFacts> {
  const [runFileSystem, storeFileSystem, reflink] = await Promise.all([
    doctorFileSystem(runDir, cx),
    doctorFileSystem(storeDir, cx),
    doctorReflink(storeDir, cx),
  ]);
  return { runDir, runFileSystem, storeDir, storeFileSystem, reflink };
}

/** Looks at the host, everything side by side. What can't be looked at is a finding, never an error. */
export async function gather(input: DoctorInput, cx: Context): Promise<HostFacts> {
  const [one, two, three, four, five, cgroupControllers] = await Promise.all([
    firecracker(input, cx),
    devices(cx),
    privileges(cx),
    network(cx),
    directories(input, cx),
    doctorText('/sys/fs/cgroup/cgroup.controllers', cx),
  ]);
  return {
    firecracker: one,
    devices: two,
    privileges: three,
    network: four,
    directories: five,
    cgroupControllers,
  };
}
