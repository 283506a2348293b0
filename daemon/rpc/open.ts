import type { DirectoryLock } from '../effects/lock.js';
import type { Context } from '../../plugins/contract.js';
import { listen, listenHanded, type Listener } from './listen.js';
import { takeHandedSockets } from './systemd.js';

/** The socket that systemd hands over where there is one, otherwise one of our own. */
export async function openListener(
  own: { readonly path: string; readonly group: string; readonly lock: DirectoryLock },
  cx: Context,
): Promise<Listener> {
  const [handed] = takeHandedSockets(process.env, process.pid);
  return handed ? listenHanded(handed.fd, cx) : listen(own, cx);
}
