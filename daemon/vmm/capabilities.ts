// What each Firecracker can do and gets wrong: one table, so that a fixed version lifts a quirk.

/** `major.minor.patch`; a development build counts as the release it leads to. */
export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** Reads `1.16.1`, `v1.16.1`, `1.17.0-dev`; null where it is none of these. */
export function parseVersion(text: string): Version | null {
  const found = /^v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?:[-+].*)?$/.exec(text.trim());
  if (found === null) return null;
  return { major: Number(found[1]), minor: Number(found[2]), patch: Number(found[3]) };
}

/** Negative where `a` is older. */
export function compareVersions(a: Version, b: Version): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}

const from = (text: string): ((version: Version) => boolean) => {
  const first = parseVersion(text);
  return (version) => first !== null && compareVersions(version, first) >= 0;
};
const before = (text: string): ((version: Version) => boolean) => {
  const since = from(text);
  return (version) => !since(version);
};

/** What a Firecracker can do, with the version since which. */
const abilities = {
  /** `PUT`/`DELETE /network-interfaces/{id}` after boot, with `mtu`. */
  hotPlug: '1.16.0',
  /** `network_overrides` at load. */
  networkOverrides: '1.12.0',
  /** `vsock_override` at load. */
  vsockOverride: '1.16.0',
  /** `mtu` of a NIC. */
  nicMtu: '1.16.0',
  /** `track_dirty_pages` at load, and `--enable-pci`. */
  pci: '1.13.0',
  /** `mem_backend` at load. */
  memBackend: '1.1.0',
} as const;

export type Ability = keyof typeof abilities;

/** The first release that has an ability, e.g. for `vmmTooOld`. */
export function since(ability: Ability): string {
  return abilities[ability];
}

/** A known fault of some releases: what it does, and to which. */
export interface Quirk {
  readonly id: 'pause-silences-vsock' | 'guest-vsock-after-restore' | 'cve-2026-5747';
  readonly does: string;
  readonly remedy: string;
  readonly fixedIn: string;
}

const quirks: readonly (Quirk & { readonly hits: (version: Version) => boolean })[] = [
  {
    id: 'pause-silences-vsock',
    does: 'after a pause and a resume with no snapshot between, new connections to the agent hang',
    remedy: 'Restore a fresh clone of its snapshot, or use Firecracker 1.17 or newer',
    fixedIn: '1.17.0',
    hits: before('1.17.0'),
  },
  {
    id: 'guest-vsock-after-restore',
    does: 'connections from the guest to the host fail after a restore',
    remedy: 'Use Firecracker 1.16.1 or newer',
    fixedIn: '1.16.1',
    hits: (version) => from('1.16.0')(version) && before('1.16.1')(version),
  },
  {
    id: 'cve-2026-5747',
    does: 'a guest can write outside its memory through virtio-PCI (CVE-2026-5747)',
    remedy: 'Use Firecracker 1.16.1 or newer',
    fixedIn: '1.16.1',
    hits: (version) =>
      (from('1.13.0')(version) && before('1.14.4')(version)) ||
      (from('1.15.0')(version) && before('1.15.1')(version)),
  },
];

/** Snapshot formats by release, newest first: what a binary that does not tell (`--snapshot-version`) reads. */
const formats: readonly (readonly [since: string, format: number])[] = [
  ['1.17.0', 11],
  ['1.16.0', 10],
  ['1.15.0', 9],
  ['1.13.0', 8],
  ['1.12.0', 6],
  ['1.11.0', 5],
  ['1.10.1', 4],
  ['1.10.0', 3],
];

export interface Capabilities {
  /** As the binary says it, without `v`. */
  readonly version: string;
  has(ability: Ability): boolean;
  readonly quirks: readonly Quirk[];
  quirk(id: Quirk['id']): Quirk | undefined;
  /** `major.minor.patch` of the snapshots that it writes; null where unknown. */
  readonly snapshotFormat: string | null;
}

/** What is known of a version. Of one that can't be read nothing is assumed but that it has every quirk. */
export function capabilitiesOf(text: string, snapshotFormat: string | null = null): Capabilities {
  const version = parseVersion(text);
  const hit = version === null ? quirks : quirks.filter((quirk) => quirk.hits(version));
  const known = hit.map(({ id, does, remedy, fixedIn }): Quirk => ({ id, does, remedy, fixedIn }));
  const format = formats.find(([first]) => version !== null && from(first)(version))?.[1];
  return {
    version: text.trim().replace(/^v/, ''),
    has: (ability) => version !== null && from(abilities[ability])(version),
    quirks: known,
    quirk: (id) => known.find((quirk) => quirk.id === id),
    snapshotFormat: snapshotFormat ?? (format === undefined ? null : `${format}.0.0`),
  };
}

/**
 * Whether a Firecracker that reads `supported` can load a snapshot of format `found`: same major, minor not newer.
 * (The state is decoded before the version is looked at, so a mismatch would otherwise read like damage.)
 */
export function readsFormat(supported: string, found: string): boolean {
  const [can, is] = [parseVersion(supported), parseVersion(found)];
  return can !== null && is !== null && can.major === is.major && is.minor <= can.minor;
}
