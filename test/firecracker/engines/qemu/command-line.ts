/** QEMU's command line for a machine. */
import type { Hardware } from '../../guest/hardware.js';

/** Descriptors that QEMU is started with: sockets to the VMM. */
export const descriptors = { monitor: 3, agent: 4, console: 5 } as const;

/** Where devices are plugged in. */
export const busId = 'bus';
/** The end of the agent's channel. */
export const agentId = 'agent';

const MIB = 1024 * 1024;

/** What the machine's memory is at first. */
export type Memory = { readonly is: 'empty' } | { readonly is: 'file'; readonly path: string };

/**
 * A PC whose devices sit behind a bridge with a hot-plug controller for which Debian's kernel has no driver: as with
 * Firecracker's bus the guest hears nothing of a device that comes or goes, and finds it by a rescan. Were both
 * kinds of ACPI hot-plug off, QEMU 7.2 would give the bridge to ACPI all the same.
 */
export function qemuArguments(hardware: Hardware, memory: Memory): string[] {
  const { config } = hardware;
  const size = config.mem_size_mib * MIB;
  const ram =
    memory.is === 'file'
      ? { 'qom-type': 'memory-backend-file', 'mem-path': memory.path, share: false }
      : { 'qom-type': 'memory-backend-memfd', share: true };
  return [
    ...['-nodefaults', '-no-user-config', '-nographic', '-no-reboot', '-S'],
    ...['-accel', 'tcg', '-cpu', 'max', '-smp', String(config.vcpu_count), '-m', `${config.mem_size_mib}M`],
    ...['-object', JSON.stringify({ ...ram, id: 'ram', size })],
    ...['-machine', 'pc,memory-backend=ram,usb=off,vmport=off,hpet=off,graphics=off'],
    ...['-global', 'PIIX4_PM.acpi-pci-hotplug-with-bridge-support=off'],
    // States have no section that describes the machine: see save in machine.ts.
    ...['-global', 'migration.send-configuration=off'],
    ...['-chardev', `socket,id=monitor,fd=${descriptors.monitor}`, '-mon', 'chardev=monitor,mode=control'],
    ...['-chardev', `socket,id=console,fd=${descriptors.console}`, '-serial', 'chardev:console'],
    ...['-device', 'virtio-serial-pci,disable-legacy=on'],
    ...['-chardev', `socket,id=agent,fd=${descriptors.agent}`],
    ...['-device', `virtserialport,chardev=agent,id=${agentId},name=org.qemu.guest_agent.0`],
    ...['-device', `pci-bridge,id=${busId},chassis_nr=1,shpc=on`],
    ...(memory.is === 'file' ? ['-incoming', 'defer'] : bootArguments(hardware)),
  ];
}

function bootArguments({ bootSource }: Hardware): string[] {
  const { kernel_image_path: kernel, initrd_path: initrd, boot_args: words } = bootSource;
  return [
    ...['-kernel', kernel],
    ...(initrd === null ? [] : ['-initrd', initrd]),
    // The legacy interrupts of a bridge are ACPI code, which takes a second to interpret here; virtio has MSI-X.
    ...['-append', `${words ?? ''} acpi=noirq`.trim()],
  ];
}
