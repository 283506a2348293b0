import { z } from 'zod';

/** What a VMM may use, its guest and all; enforced by a cgroup of its own. */
export const VmLimits = z.strictObject({
  /** Memory, the guest's and the VMM's own together: past that the kernel ends it. */
  memoryMib: z.int().min(1).max(16_777_216).optional(),
  /** Processors' worth of time, e.g. 1.5. */
  cpus: z.number().min(0.01).max(4096).optional(),
  /** Threads and processes; a VMM has one for each of the guest's processors, and some of its own. */
  pids: z.int().min(4).max(4_194_304).optional(),
});
export type VmLimits = Readonly<z.output<typeof VmLimits>>;
