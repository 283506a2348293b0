import { pluginRefused } from '../api/errors/host.js';
import type { CheckedParamsOf } from '../api/index.js';
import type { SnapshotId } from '../api/shapes/ids.js';
import type { NetworkStrategy, Place } from '../../plugins/contract.js';

/**
 * The NICs to boot a source with. Where it is booted for a snapshot's id, its taps' names follow from that: they are baked
 * into the snapshot. Pure.
 * @throws pluginRefused where names should follow and `predictable` is not loaded
 */
export function bootPlaces(
  networks: CheckedParamsOf<'vm.boot'>['networks'],
  reserved: SnapshotId | null,
  predictable: NetworkStrategy | undefined,
): readonly Place[] {
  if (reserved !== null && !predictable?.tapName) {
    throw pluginRefused({ plugin: 'predictable', why: 'no strategy of this name is loaded' });
  }
  return networks.map((wish, index) => ({
    ...(typeof wish === 'string' ? { network: wish } : wish),
    nic: `eth${index}`,
    ...(reserved !== null && { tap: predictable?.tapName?.(reserved, index) }),
  }));
}
