import type { Manifest, Snapshot } from '../api/shapes/snapshot.js';
import type { Registry } from '../vms/registry.js';
import type { SnapshotFacts } from '../../plugins/contract.js';

/** The names of the VMs that live from a snapshot. */
export function clonesOf(manifest: Manifest, registry: Registry): string[] {
  return registry
    .all()
    .filter((vm) => vm.record.snapshot === manifest.id)
    .map((vm) => vm.name);
}

/** A snapshot as clients see it. */
export function snapshotView(manifest: Manifest, registry: Registry): Snapshot {
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  return { ...manifest, bytes, clones: clonesOf(manifest, registry) };
}

/** What plugins are told of a snapshot. */
export function factsOf({ id, name, labels, source }: Omit<Manifest, 'files'>): SnapshotFacts {
  return { id, name, labels, source };
}
