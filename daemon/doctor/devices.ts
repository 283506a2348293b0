import type { Diagnosis } from '../api/system.js';
import type { Usable } from '../effects/doctor.js';
import { ok, problem } from './diagnosis.js';

export interface DeviceFacts {
  readonly kvm: Usable;
  readonly tun: Usable;
  /** `/proc/cpuinfo`; says whether the processor could virtualise at all. */
  readonly cpuinfo: string | null;
}

function kvmRemedy(cpuinfo: string | null): string {
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo ?? '')?.[1];
  if (flags === undefined) return 'Load the kvm module; on a virtual host, switch nested virtualisation on';
  if (/ (?:vmx|svm)\b/.test(flags))
    return 'modprobe kvm_intel or kvm_amd; in a container, pass the device in';
  return 'The processor offers no virtualisation: switch it on in the firmware, or nested virtualisation for this host';
}

function device(check: string, at: { path: string; state: Usable }, remedy: string): Diagnosis {
  const { path, state } = at;
  switch (state.is) {
    case 'usable':
      return ok(check, `${path} opens`);
    case 'missing':
      return problem(check, `${path} is not there`, remedy);
    case 'refused':
      return state.errno === 'EACCES' || state.errno === 'EPERM'
        ? problem(
            check,
            `${path} may not be opened: ${state.errno}`,
            `Run thawd as root, or allow ${path} to it (DeviceAllow=)`,
          )
        : problem(check, `${path} can't be opened: ${state.errno}`, remedy);
  }
}

/** The devices that every VM opens. */
export function judgeDevices({ kvm, tun, cpuinfo }: DeviceFacts): readonly Diagnosis[] {
  return [
    device('kvm', { path: '/dev/kvm', state: kvm }, kvmRemedy(cpuinfo)),
    device('tun', { path: '/dev/net/tun', state: tun }, 'modprobe tun; in a container, pass the device in'),
  ];
}
