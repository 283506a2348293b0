import type { Context } from '../../plugins/contract.js';
import type { Diagnosis } from '../api/system.js';
import { judgeCgroups } from './cgroups.js';
import { judgeDevices } from './devices.js';
import { judgeDirectories } from './directories.js';
import { judgeEngines } from './engines.js';
import { judgeFirecracker } from './firecracker.js';
import { type DoctorInput, gather, type HostFacts } from './gather.js';
import { judgeGuestKernel } from './guest-kernel.js';
import { judgeNetwork } from './network.js';
import { judgePrivileges } from './privileges.js';

export type { DoctorInput, HostFacts } from './gather.js';

/** What is to be said of a host: pure. Order is that of the look, from the VMM outwards. */
export function judge(facts: HostFacts): Diagnosis[] {
  return [
    ...judgeFirecracker(facts.firecracker),
    ...judgeDevices(facts.devices),
    ...judgePrivileges(facts.privileges),
    ...judgeNetwork(facts.network),
    ...judgeDirectories(facts.directories),
    judgeCgroups(facts.cgroupControllers),
  ];
}

/**
 * Looks at this host and says of each thing that thaw needs whether it is there and what to do if not; for the method
 * `system.doctor`. Finds, never fails; leaves nothing behind.
 */
export async function diagnose(input: DoctorInput, cx: Context): Promise<Diagnosis[]> {
  const facts = await gather(input, cx);
  return [
    ...judge(facts),
    ...judgeEngines(input.engines),
    ...(input.kernelConfig === undefined ? [] : judgeGuestKernel(input.kernelConfig)),
  ];
}
