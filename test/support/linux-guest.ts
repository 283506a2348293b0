import { Agent } from '../firecracker/lab.js';
import { takeBase, type Vm } from './flow.js';
import { guestImage } from './guest-image/image.js';
import { startHost, type Host, type HostOptions } from './host.js';

/** The environment in which the stand-in's guests have a kernel of their own, under QEMU. */
export const onQemu = { FIRECRACKER_STANDIN_ENGINE: 'qemu', FIRECRACKER_STANDIN_TIMING: '0' } as const;

/** The boot source of Debian's kernel. */
export function linuxBoot() {
  const { kernel, initrd } = guestImage();
  return {
    kernel_image_path: kernel,
    initrd_path: initrd,
    boot_args: 'console=ttyS0 reboot=k panic=1 quiet',
  };
}

/** The configuration of a VM that boots it. */
export const linux = (more: object = {}) => ({ 'boot-source': linuxBoot(), ...more });

/** A host with a snapshot `base` of a Linux guest, whose source is gone again. */
export async function linuxHost(
  t: Parameters<typeof startHost>[0],
  options: HostOptions = {},
): Promise<Host> {
  const host = await startHost(t, { ...options, env: { ...onQemu, ...options.env } });
  await takeBase(host, linux());
  return host;
}

/**
 * What a script says in each of these guests, at once. An agent serves one client at a time, so the daemon is ended for
 * it: VMs live on, and the next daemon takes them up.
 */
export async function inGuests(host: Host, vms: readonly Vm[], script: string): Promise<string[]> {
  await host.kill('SIGTERM');
  const said = await Promise.all(vms.map((vm) => inGuest(vm, script)));
  await host.start();
  return said;
}

async function inGuest(vm: Vm, script: string): Promise<string> {
  const agent = await Agent.connect(`${vm.dir}/v.sock`, 10_000);
  if (!agent) throw new TypeError(`the agent of ${vm.name} does not answer`);
  const { out, err, code } = await agent.sh(script);
  await agent.close();
  if (code !== 0) throw new TypeError(`in ${vm.name}: exit code ${code}: ${err}`);
  return out;
}
