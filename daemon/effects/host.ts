import { cpus, machine, release } from 'node:os';
import { look } from '../../plugins/contract.js';

/** What of this host a snapshot depends on. */
export interface HostFacts {
  readonly cpuModel: string;
  readonly arch: string;
  readonly kernel: string;
}

export const hostLook = look('host.facts', (): HostFacts => ({
  cpuModel: cpus()[0]?.model.trim() ?? 'unknown',
  arch: machine(),
  kernel: release(),
}));
