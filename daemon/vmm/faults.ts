// What Firecracker's refusals mean. They carry no codes: `(os error N)` is the same in every build, the words before
// it are not (the C library's), so of the words only Firecracker's own, which name the part at fault, are looked at.
import { fileMissing, diskFull, systemCallFailed } from '../api/errors/host.js';
import { macTaken, noPci, tapBusy, tapNotReady, tooManyNics } from '../api/errors/network.js';
import { snapshotDamaged } from '../api/errors/snapshot.js';
import { vmmRefused, vsockPathTaken } from '../api/errors/vmm.js';
import { type ThawError } from '../api/thaw-error.js';

/** A refusal, and what the caller knew when it asked. */
export interface Refusal {
  readonly vm: string;
  /** E.g. `PUT /snapshot/load`. */
  readonly call: string;
  readonly status: number;
  readonly fault: string;
  /** The tap of the NIC asked for. */
  readonly tap?: string | undefined;
  readonly mac?: string | undefined;
  /** The snapshot being loaded, and its folder or that of the one being written. */
  readonly snapshot?: string | undefined;
  readonly dir?: string | undefined;
}

const ePerm = 1;
const eNoEnt = 2;
const eBusy = 16;
const eInval = 22;
const eNoSpc = 28;
const eAddrInUse = 98;

/** N of the `(os error N)`; null where the refusal is Firecracker's own. */
export function osError(fault: string): number | null {
  const digits = /\(os error (\d+)\)/.exec(fault)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** 31 slots of the PCI bus are for devices; the root bridge has the 32nd. */
const slots = 31;

/** The error of the registry that says most about a refusal; `vmmRefused` where nothing better is known. */
export function explainFault(refusal: Refusal): ThawError {
  const { vm, call, status, fault } = refusal;
  const cause = vmmRefused({ vm, call, status, fault });
  return (
    tapFault(refusal, { cause }) ?? fileFault(refusal, { cause }) ?? ownFault(refusal, { cause }) ?? cause
  );
}

function tapFault({ fault, tap }: Refusal, options: ErrorOptions): ThawError | null {
  if (!fault.includes('Open tap device failed')) return null;
  const name = /Invalid TUN\/TAP Backend provided by ([^\s/:]{1,15})\. /.exec(fault)?.[1] ?? tap;
  if (name === undefined) return null;
  switch (osError(fault)) {
    case eBusy:
      return tapBusy({ tap: name }, options);
    case ePerm:
      return systemCallFailed({ what: `Opening the tap ${name} in Firecracker`, errno: 'EPERM' }, options);
    case eInval:
      return tapNotReady({ tap: name, why: 'it was made with several queues, or as a tun' }, options);
    case null:
    default:
      return null;
  }
}

function fileFault({ vm, fault, snapshot, dir, call }: Refusal, options: ErrorOptions): ThawError | null {
  const number = osError(fault);
  if (number === eNoSpc) return diskFull({ path: dir ?? call }, options);
  if (number === eAddrInUse && fault.includes('VsockUnixBackend')) return vsockPathTaken({ vm }, options);
  if (number === eNoEnt && fault.includes('Block:')) {
    const path = /\(os error 2\) (.+)$/.exec(fault)?.[1] ?? 'of the snapshot';
    return fileMissing({ path, what: 'drive', why: 'there is no such file' }, options);
  }
  if (snapshot === undefined) return null;
  // An unknown override id is refused in the same words' frame, but it is the request that is wrong.
  if (/Unknown (?:Network|Vsock) Device/.test(fault)) return null;
  if (fault.includes('Failed to get snapshot state from file')) {
    return snapshotDamaged({ snapshot, file: 'state', why: damage(fault) }, options);
  }
  if (fault.includes('Failed to load guest memory')) {
    return snapshotDamaged({ snapshot, file: 'mem', why: damage(fault) }, options);
  }
  return null;
}

const damage = (fault: string): string =>
  osError(fault) === eNoEnt ? 'is missing' : `can't be read (${fault.slice(fault.lastIndexOf(': ') + 2)})`;

function ownFault({ vm, fault, mac }: Refusal, options: ErrorOptions): ThawError | null {
  if (fault === 'PCI is not enabled') return noPci({ vm }, options);
  if (fault.includes('Could not find an available device slot on the PCI bus')) {
    return tooManyNics({ vm, limit: slots }, options);
  }
  if (fault.includes('The MAC address is already in use') && mac !== undefined) {
    return macTaken({ mac, by: `another NIC of ${vm}` }, options);
  }
  return null;
}
