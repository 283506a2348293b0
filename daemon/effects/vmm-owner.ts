import { readlinkSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { look } from '../../plugins/contract.js';
import { peerCredentials } from './peer.js';
import { readStartTime, type ProcessIdentity } from './vmm-proc.js';

/** The process behind a Firecracker's API socket. */
export interface VmmOwner extends ProcessIdentity {
  readonly uid: number;
  readonly cwd: string;
  /** Of what it has in common with us: what it is told of taps and files means the same to both. */
  readonly shares: { readonly root: boolean; readonly mounts: boolean; readonly network: boolean };
}

/**
 * Who listens on a socket, by the kernel's word (SO_PEERCRED: the process that called listen).
 * @returns null where nobody does, or their process can't be seen from here
 */
export const vmmOwner = look('vmm.owner', async (path: string, cx): Promise<VmmOwner | null> => {
  const socket = connect(path);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
    const handle: unknown = Reflect.get(socket, '_handle');
    const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
    if (typeof fd !== 'number') return null;
    const { pid, uid } = await peerCredentials(fd, cx);
    const startTime = readStartTime(pid);
    if (startTime === null) return null;
    const at = (what: string): string => readlinkSync(`/proc/${pid}/${what}`);
    const same = (what: string): boolean => at(what) === readlinkSync(`/proc/self/${what}`);
    const cwd = at('cwd');
    const shares = { root: sameRoot(pid), mounts: same('ns/mnt'), network: same('ns/net') };
    // Read last of all: it is still the process that all of it was read of.
    return readStartTime(pid) === startTime ? { pid, uid, startTime, cwd, shares } : null;
  } catch {
    return null;
  } finally {
    socket.destroy();
  }
});

function sameRoot(pid: number): boolean {
  const [theirs, ours] = [statSync(`/proc/${pid}/root`), statSync('/proc/self/root')];
  return theirs.dev === ours.dev && theirs.ino === ours.ino;
}
