import type { Fitness } from '../api/shapes/snapshot.js';

/** What decides whether a NIC attached to a clone would live. */
export interface FitnessFacts {
  readonly origin: 'booted' | 'restored' | 'adopted';
  readonly pci: boolean;
  readonly everUnplugged: boolean;
  /** NICs that the snapshot will carry. */
  readonly nics: number;
  /** What its own snapshot was judged to be; null where the VM was booted. */
  readonly parent: Fitness | null;
}

/**
 * Whether clones can be given a NIC by hot-attach. After any unplug, in this life or an earlier one, Firecracker
 * answers 204 and the device is dead in the guest (fact 3): only a history known to be free of it says yes.
 */
export function fitnessOf(facts: FitnessFacts): Fitness {
  if (!facts.pci) {
    return {
      is: 'no',
      reason: 'it was booted without PCI: boot the source with --enable-pci, thaw’s default',
    };
  }
  if (facts.everUnplugged) {
    return { is: 'no', reason: 'a device was unplugged in its life: boot the source without a NIC' };
  }
  if (facts.nics > 0) {
    return {
      is: 'no',
      reason: 'it carries a NIC: boot the source without one, or use a strategy that wants it inside',
    };
  }
  if (facts.parent && facts.parent.is !== 'yes') return facts.parent;
  if (facts.origin === 'adopted') {
    return { is: 'unknown', reason: 'thaw did not boot it, so nobody knows what was unplugged before' };
  }
  return { is: 'yes', reason: 'booted here without a NIC, and nothing was ever unplugged' };
}
