import { pluginRefused } from '../api/errors/host.js';
import type { Manifest } from '../api/shapes/snapshot.js';
import { NetworkName } from '../api/shapes/ids.js';
import type { Config } from '../config/schema.js';
import type { NetworkStrategy, Place } from '../../plugins/contract.js';
import type { SlotRecipe } from './slots.js';

/** What slots are made for, and all that making one takes. */
export interface FullRecipe extends SlotRecipe {
  readonly manifest: Manifest | null;
  /** The NICs of each. */
  readonly places: (vmmVersion: string) => readonly Place[];
}

/**
 * What the configuration wants slots for. Without a snapshot they serve clones of all that have no NIC inside.
 * @throws snapshotUnknown, pluginRefused, and from `places` what the strategy refuses with
 */
export function slotRecipe(
  { strategy: name, snapshot: ref, network }: Config['slots'],
  parts: { strategies: ReadonlyMap<string, NetworkStrategy>; find: (ref: string) => Manifest },
): FullRecipe {
  const plugin = parts.strategies.get(name);
  if (!plugin?.slots) throw pluginRefused({ plugin: name, why: 'no strategy of this name has slots' });
  const strategy = { name, plugin };
  if (ref === undefined) {
    const places = [{ nic: 'eth0', network: NetworkName.parse(network ?? 'default') }];
    return { strategy, snapshot: null, manifest: null, places: () => places };
  }
  const manifest = parts.find(ref);
  const wishes =
    network === undefined ? null : manifest.nics.map(() => ({ network: NetworkName.parse(network) }));
  const places = (vmmVersion: string): readonly Place[] => {
    const question = { manifest, vmmVersion, wishes, clones: 1, keepMac: false, tapUsers: new Map() };
    const verdict = plugin.judge(question);
    if (!verdict.ok) throw verdict.error;
    return verdict.places;
  };
  return { strategy, snapshot: manifest.id, manifest, places };
}
