import type { OwnSocket } from '../effects/bind.js';
import type { Context } from '../../plugins/contract.js';
import { listen, listenHanded, type Listener } from './listen.js';

/** The socket that systemd hands over where there is one, otherwise one of our own. @throws as {@link listen} does */
export async function openListener(
  { handed, own }: { readonly handed: number | undefined; readonly own: OwnSocket },
  cx: Context,
): Promise<Listener> {
  return handed === undefined ? listen(own, cx) : listenHanded(handed, cx);
}
