import { handedRefused } from '../api/errors/host.js';
import { handedLook, type Handed } from '../effects/handed.js';
import { groupId } from '../effects/socket.js';
import type { Context } from '../../plugins/contract.js';

/** What a socket that systemd hands over is for: `FileDescriptorName=` of its unit. */
export type Purpose = 'api' | 'metrics';
const purposes: readonly string[] = ['api', 'metrics'] satisfies Purpose[];

const first = 3;

/**
 * The descriptors of the sockets that systemd hands over, by their purpose and the protocol of sd_listen_fds(3); takes
 * them out of `env`, so that no child takes them for its own. None where the variables are meant for another process
 * (LISTEN_PID). One alone and without a name is the API's.
 * @throws handedRefused where a name is unknown, or two are the same
 */
export function takeHandedSockets(env: NodeJS.ProcessEnv, pid: number): ReadonlyMap<Purpose, number> {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = env;
  delete env['LISTEN_PID'];
  delete env['LISTEN_FDS'];
  delete env['LISTEN_FDNAMES'];
  const handed = new Map<Purpose, number>();
  if (LISTEN_PID !== String(pid) || LISTEN_FDS === undefined || !/^[1-9]\d{0,3}$/.test(LISTEN_FDS))
    return handed;
  const names = LISTEN_FDNAMES?.split(':') ?? (LISTEN_FDS === '1' ? ['api'] : []);
  for (let n = 0; n < Number(LISTEN_FDS); n += 1) {
    const name = names[n] ?? '';
    if (!isPurpose(name))
      throw handedRefused({ name, why: `its FileDescriptorName is none of ${purposes.join(', ')}` });
    if (handed.has(name)) throw handedRefused({ name, why: 'there are two of this name' });
    handed.set(name, first + n);
  }
  return handed;
}

const isPurpose = (name: string): name is Purpose => purposes.includes(name);

/**
 * Proves that a socket is what its purpose takes.
 * @param of.group whose members may use the API's, besides root
 * @throws handedRefused
 */
export async function proveHanded(
  { name, fd, group }: { readonly name: Purpose; readonly fd: number; readonly group: string },
  cx: Context,
): Promise<void> {
  const gid = await groupId(group, cx);
  const why = refusal(await handedLook(fd, cx), name === 'api' ? { group, gid } : null);
  if (why !== null) throw handedRefused({ name, why });
}

/**
 * Why a socket can't be used; null where it can. Pure.
 * @param access who may connect to the API's, which tells callers apart by what the kernel says of them
 */
export function refusal(
  { listens, unix, file }: Handed,
  access: { readonly group: string; readonly gid: number | null } | null,
): string | null {
  if (!listens) return 'it is no stream socket that listens (ListenStream=, Accept=no)';
  if (access === null) return null;
  if (!unix) return 'it is no Unix socket: callers could not be told apart';
  if (!file) return 'it has no file, or that is gone: nobody could be kept out, or come in';
  const { path, uid, gid, mode } = file;
  if (uid !== (process.getuid?.() ?? 0)) return `${path} belongs to user ${uid} (SocketUser=root)`;
  if (gid !== 0 && gid !== access.gid)
    return `${path} belongs to group ${gid} (SocketGroup=${access.group}, or "socket.group" in the configuration)`;
  if ((mode & 0o007) !== 0) return `${path} is open to everybody: ${mode.toString(8)} (SocketMode=0660)`;
  return null;
}
