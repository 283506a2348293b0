import { LinkName } from '../../../daemon/api/shapes/ids.js';

/**
 * The address that a namespace itself has towards its guest: RFC 7600's, for hosts that have none. Errors come from it,
 * and peers whose address is the guest's own.
 */
export const nobody = '192.0.0.8';

/** How the nth cable's end in a namespace is called: as none of the taps there. Pure. */
export function uplinkName(index: number, taps: readonly string[]): LinkName {
  const name = `uplink${index}`;
  return LinkName.parse(taps.includes(name) ? `thaw-${name}` : name);
}
