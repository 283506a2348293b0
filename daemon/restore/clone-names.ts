import { Name } from '../api/shapes/ids.js';

/**
 * Names for clones that were given none: the snapshot's name and the clone's id, so that no two restores, now or
 * later, make the same.
 */
export function cloneName(snapshotName: string | null, vmId: string): Name {
  return Name.parse(
    `${(snapshotName ?? 'clone').slice(0, 50).replace(/[.-]+$/, '')}-${vmId.slice('vm-'.length)}`,
  );
}
