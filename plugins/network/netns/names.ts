import { LinkName } from '../../../daemon/api/shapes/ids.js';

/**
 * The address that a namespace itself has towards its guest: RFC 7600's, for hosts that have none. Errors come from it,
 * and peers whose address is the guest's own.
 */
export const nobody = '192.0.0.8';

/** The same for IPv6, of a prefix that nobody routes (RFC 6666). */
export const nobody6 = '100::8';

/** The MAC that all neighbours of a guest have in IPv6: what is sent to any MAC is taken in. */
export const neighbourMac = '02:00:00:00:00:01';

/** Marks what neighbours say to each other at an uplink: that is for the namespace itself. */
export const neighbourMark = 1;

/** How the nth cable's end in a namespace is called: as none of the taps there. Pure. */
export function uplinkName(index: number, taps: readonly string[]): LinkName {
  const name = `uplink${index}`;
  return LinkName.parse(taps.includes(name) ? `thaw-${name}` : name);
}
