import type { VmId } from '../../../daemon/api/shapes/ids.js';
import type { Namespace } from './namespace.js';
import type { Route } from './route.js';
import { openMarked } from './tap.js';
import { closeTap, persist } from './tun.js';

/** Makes a VM's tap in a namespace, unless it is there. @param place `route` is that of the namespace @throws tapNotReady */
export function ensureTapInside(place: {
  readonly namespace: Namespace;
  readonly route: Route;
  readonly name: string;
  readonly vm: VmId;
}): void {
  const { namespace, route, name, vm } = place;
  if (route.link(name)) return;
  const tap = namespace.inside(() => openMarked(route, name, vm));
  try {
    persist(tap, true);
  } finally {
    closeTap(tap);
  }
}
