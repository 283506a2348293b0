/** What a guest sees of its machine. */
import type * as bodies from '../api/bodies.js';
import type { MachineConfig } from '../machine/config.js';
import type { Tap } from '../native/tap.js';
import type { VirtioKind } from './pci-sysfs.js';

export interface GuestDevice {
  readonly slot: number;
  readonly kind: VirtioKind;
  readonly id: string;
  /** Plugged in after an unplug: the guest's probe of it fails with -22 (fact 3). */
  readonly spoiled: boolean;
  /** Of a NIC. */
  readonly nic?: { readonly tap: Tap; readonly mac: string | null; readonly mtu: number | null };
  /** Of a drive. */
  readonly drive?: { readonly fd: number; readonly readOnly: boolean };
}

export interface Hardware {
  /** Whether devices are on PCI, and the guest can find new ones. */
  readonly pci: boolean;
  readonly config: MachineConfig;
  readonly bootSource: bodies.BootSource;
  devices(): readonly GuestDevice[];
}
