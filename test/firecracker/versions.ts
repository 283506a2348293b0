/**
 * Firecracker's versions as profiles. 1.16.1 and 1.17-dev are recorded (fixtures/*.jsonl); the older ones
 * follow the tables in facts/firecracker.md (fields since, snapshot formats, hot-plug since 1.16) and were
 * not tried on real binaries.
 */
export type LoadField =
  | 'snapshot_path'
  | 'mem_file_path'
  | 'mem_backend'
  | 'enable_diff_snapshots'
  | 'track_dirty_pages'
  | 'resume_vm'
  | 'network_overrides'
  | 'vsock_override'
  | 'clock_realtime'
  | 'huge_pages';

export interface Version {
  /** What `GET /version` says. */
  readonly name: string;
  /** The snapshot format that `--snapshot-version` prints. */
  readonly format: readonly [major: number, minor: number, patch: number];
  /** Fields of `PUT /snapshot/load`, in the order in which an error lists them. */
  readonly loadFields: readonly LoadField[];
  /** `--enable-pci`: since 1.13. */
  readonly pci: boolean;
  /** PUT and DELETE of devices after boot: since 1.16. */
  readonly hotplug: boolean;
  /** `mtu` of a NIC: since 1.16. */
  readonly mtu: boolean;
  /** PUT /serial: since 1.14. */
  readonly serial: boolean;
  /** `huge_pages: Transparent`, and more than a path for metrics: main only. */
  readonly transparentHugePages: boolean;
  readonly metricsProperties: boolean;
  /** Fact 19: after a bare pause and resume new vsock connections hang (fixed by #6100, unreleased). */
  readonly pauseBreaksVsock: boolean;
  /** Keys of `GET /vm/config` that this version does not have yet. */
  readonly configWithout: readonly string[];
}

const newest: readonly LoadField[] = [
  'snapshot_path',
  'mem_file_path',
  'mem_backend',
  'enable_diff_snapshots',
  'track_dirty_pages',
  'resume_vm',
  'network_overrides',
  'vsock_override',
  'clock_realtime',
  'huge_pages',
];
const without = (...fields: LoadField[]): readonly LoadField[] =>
  newest.filter((field) => !fields.includes(field));
const fields = {
  main: newest,
  since16: without('huge_pages'),
  since13: without('huge_pages', 'vsock_override', 'clock_realtime'),
  since12: without('huge_pages', 'vsock_override', 'clock_realtime', 'track_dirty_pages'),
  since1: without('huge_pages', 'vsock_override', 'clock_realtime', 'track_dirty_pages', 'network_overrides'),
};

const release = {
  pci: true,
  hotplug: true,
  mtu: true,
  serial: true,
  transparentHugePages: false,
  metricsProperties: false,
  pauseBreaksVsock: true,
  configWithout: [],
};
const before16 = { ...release, hotplug: false, mtu: false };
const before14 = { ...before16, serial: false, configWithout: ['pmem', 'memory-hotplug'] };
const before13 = { ...before14, pci: false };

const profiles: Readonly<Record<string, Version>> = {
  '1.17-dev': {
    ...release,
    name: '1.17.0-dev',
    format: [11, 0, 0],
    loadFields: fields.main,
    transparentHugePages: true,
    metricsProperties: true,
    pauseBreaksVsock: false,
  },
  '1.16.1': { ...release, name: '1.16.1', format: [10, 0, 0], loadFields: fields.since16 },
  '1.16.0': { ...release, name: '1.16.0', format: [10, 0, 0], loadFields: fields.since16 },
  '1.15.0': { ...before16, name: '1.15.0', format: [9, 0, 0], loadFields: fields.since13 },
  '1.14.3': { ...before16, name: '1.14.3', format: [8, 0, 0], loadFields: fields.since13 },
  '1.13.0': { ...before14, name: '1.13.0', format: [8, 0, 0], loadFields: fields.since13 },
  '1.12.0': { ...before13, name: '1.12.0', format: [6, 0, 0], loadFields: fields.since12 },
  '1.11.0': { ...before13, name: '1.11.0', format: [5, 0, 0], loadFields: fields.since1 },
  '1.10.1': { ...before13, name: '1.10.1', format: [4, 0, 0], loadFields: fields.since1 },
  '1.10.0': { ...before13, name: '1.10.0', format: [3, 0, 0], loadFields: fields.since1 },
  // The format of 1.7 to 1.9 has no source; it only has to differ from its neighbours'.
  '1.7.0': { ...before13, name: '1.7.0', format: [1, 0, 0], loadFields: fields.since1 },
};

/** Names that `FIRECRACKER_STANDIN_VERSION` takes. */
export const versionNames: readonly string[] = Object.keys(profiles);

/** The profile for a name; `1.17.0-dev` and `v1.16.1` are understood too. */
export function versionNamed(name = '1.16.1'): Version {
  const plain = name.replace(/^v/, '');
  const found = profiles[plain] ?? Object.values(profiles).find((profile) => profile.name === plain);
  if (!found)
    throw new Error(`no such version of the stand-in: ${name} (there are ${versionNames.join(', ')})`);
  return found;
}

/** The format as `--snapshot-version` prints it. */
export function formatName(version: Version): string {
  return `v${version.format.join('.')}`;
}
