/** The engine of real kernels: QEMU without KVM. */
import type { Engine } from '../engine.js';
import { QemuGuest } from './guest.js';

export function qemuEngine(): Engine {
  return {
    name: 'qemu',
    // How much memory and which devices is not known before a boot or a load.
    warm: () => undefined,
    boot: (hardware) => QemuGuest.boot(hardware),
    recall: (path, cpu) => (hardware) => QemuGuest.restore(hardware, { is: 'file', path }, cpu),
  };
}
