import type { GuestFacts } from '../api/shapes/guest.js';
import type { Diagnosis } from '../api/system.js';
import { ok, problem, warning } from './diagnosis.js';

/** What a guest has of what it takes to find a NIC and to set it up. */
export function judgeGuestNetwork(facts: GuestFacts): readonly Diagnosis[] {
  return [
    pci(facts),
    hotplug(facts),
    driver('virtio_pci', facts.virtioPci),
    driver('virtio_net', facts.virtioNet),
    programs(facts),
    managers(facts),
  ];
}

function pci({ pci: is }: GuestFacts): Diagnosis {
  const check = 'PCI';
  switch (is) {
    case 'devices':
      return ok(check, 'the kernel has a bus with devices');
    case 'off':
      return problem(
        check,
        'The kernel was started with pci=off',
        'Take it from the boot arguments, and boot again',
      );
    case 'none':
      return problem(
        check,
        'The kernel knows no PCI bus',
        'Build it with CONFIG_PCI, PCI_MSI, PCIEPORTBUS and ACPI',
      );
    case 'empty':
      return problem(
        check,
        'The bus has no devices: the VM was booted without PCI, or the kernel does not find the host bridge',
        'Boot it without --no-pci; the kernel needs ACPI and PCI_MMCONFIG (arm64: PCI_HOST_GENERIC)',
      );
  }
}

function hotplug({ rescan, hotplug: is }: GuestFacts): Diagnosis {
  const check = 'hot-plug';
  if (rescan === 'closed') {
    return problem(
      check,
      'The guest can’t be told to look for new devices: /sys/bus/pci/rescan is not there, or can’t be written',
      'Mount /sys writable in the guest, and see PCI above',
    );
  }
  return is === 'yes'
    ? ok(check, 'the bus looks for new devices when it is told to')
    : warning(
        check,
        'The kernel has no CONFIG_HOTPLUG_PCI: whether a NIC appears is for the restore to show',
        'Build it with CONFIG_HOTPLUG_PCI=y',
      );
}

function driver(name: string, is: GuestFacts['virtioNet']): Diagnosis {
  switch (is) {
    case 'there':
      return ok(name, 'there');
    case 'module':
      return warning(
        name,
        'Its module is not loaded: each clone would load it anew',
        `Load ${name} when the guest boots: a line in /etc/modules-load.d, or modprobe`,
      );
    case 'missing':
      return problem(
        name,
        'The kernel has no such driver, nor a module of it in /lib/modules',
        `Build it with CONFIG_${name.toUpperCase()}=y, or put the module into the image`,
      );
  }
}

function programs({ lacks, ipLacks }: GuestFacts): Diagnosis {
  const check = 'programs';
  const remedy = 'Install iproute2 and coreutils, or a busybox with these applets';
  if (lacks.includes('ip')) return problem(check, `Not there: ${lacks.join(', ')}`, remedy);
  if (ipLacks.length > 0) return problem(check, `Its ip does not know: ${ipLacks.join(', ')}`, remedy);
  return lacks.length === 0
    ? ok(check, 'all that thaw uses are there')
    : problem(check, `Not there: ${lacks.join(', ')}`, remedy);
}

function managers({ managers: running, claims }: GuestFacts): Diagnosis {
  const check = 'eth0';
  const found = [
    ...(running.length === 0 ? [] : [`under way: ${running.join(', ')}`]),
    ...(claims.length === 0 ? [] : [`told to: ${claims.join(', ')}`]),
  ];
  return found.length === 0
    ? ok(check, 'nobody but thaw sets it up')
    : warning(
        check,
        `Somebody else may set it up, and undo thaw’s work (${found.join('; ')})`,
        'Switch it off in the guest (systemctl disable --now …, touch /etc/cloud/cloud-init.disabled, no eth0 in ' +
          '/etc/network/interfaces), or have it leave eth0 alone (Unmanaged=yes, unmanaged-devices)',
      );
}
