import type { Diagnosis } from '../api/system.js';
import { ok, problem, warning } from './diagnosis.js';
import { optionIn } from './kernel.js';

interface Need {
  readonly option: string;
  readonly why: string;
  /** Only on this architecture. */
  readonly on?: 'x86' | 'arm64';
  /** Without it things go on, only less well. */
  readonly mild?: true;
}

/**
 * What a guest needs for a hot-attached NIC and its agent. On x86 the PCI host bridge is found by ACPI's MCFG, on
 * arm64 by the device tree, with PCI_HOST_GENERIC.
 */
const needs: readonly Need[] = [
  { option: 'PCI', why: 'the NIC is a PCI device' },
  { option: 'PCI_MSI', why: 'virtio-PCI of Firecracker has no other interrupts' },
  { option: 'PCI_MMCONFIG', why: 'Firecracker’s PCI is configured by memory', on: 'x86' },
  { option: 'ACPI', why: 'the PCI host bridge is found by it', on: 'x86' },
  { option: 'PCI_HOST_GENERIC', why: 'the PCI host bridge is found by it', on: 'arm64' },
  { option: 'PCIEPORTBUS', why: 'the bus is PCI Express' },
  { option: 'VIRTIO_PCI', why: 'every device of a VM with PCI is one' },
  { option: 'VIRTIO_NET', why: 'the NIC is one' },
  { option: 'VIRTIO_VSOCKETS', why: 'the agent is spoken to over vsock' },
  {
    option: 'VMGENID',
    why: 'without it clones repeat randomness until the agent has reseeded it',
    mild: true,
  },
];

/** The options of a guest kernel's configuration that restores with hot-attach need. */
export function judgeGuestKernel(config: string): readonly Diagnosis[] {
  const check = 'guest kernel';
  if (!/^(?:# )?CONFIG_\w+[= ]/m.test(config)) {
    return [
      problem(
        check,
        'The file is no kernel configuration',
        'Give the .config or /boot/config-… of the guest’s kernel',
      ),
    ];
  }
  const arch = optionIn(config, 'ARM64') === 'y' ? 'arm64' : 'x86';
  const found = needs
    .filter(({ on }) => on === undefined || on === arch)
    .map(({ option, why, mild }) => {
      const name = `CONFIG_${option}`;
      switch (optionIn(config, option)) {
        case 'y':
          return ok(check, name);
        case 'm':
          return ok(
            check,
            `${name} as a module: it must be in the initial RAM disk, or loaded before the snapshot`,
          );
        case 'n':
          return (mild === true ? warning : problem)(
            check,
            `${name} is not set: ${why}`,
            `Build the guest’s kernel with ${name}=y`,
          );
      }
    });
  const line = /^CONFIG_CMDLINE="(.*)"$/m.exec(config)?.[1] ?? '';
  return /(?:^| )pci=off(?: |$)/.test(line)
    ? [
        ...found,
        problem(check, 'CONFIG_CMDLINE says pci=off', 'Take it out: the guest would never see the NIC'),
      ]
    : found;
}
