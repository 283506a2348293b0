/** The bodies of Firecracker's API: its `vmm_config` structs, field by field in their order there. */
import type { LoadField, Version } from '../versions.js';
import * as s from './serde/codec.js';
import type { Codec, Decoded } from './serde/codec.js';
import { json, list, struct } from './serde/struct.js';

const tokenBucket = struct(
  'TokenBucketConfig',
  { size: s.u64, one_time_burst: s.option(s.u64), refill_time: s.u64 },
  { open: true },
);
const rateLimiter = struct('RateLimiterConfig', {
  bandwidth: s.option(tokenBucket),
  ops: s.option(tokenBucket),
});
export type RateLimiter = Decoded<typeof rateLimiter>;

const mac = s.checked(s.string, (text) =>
  /^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/.test(text)
    ? text.toLowerCase()
    : { error: 'The provided MAC address is invalid.' },
);

const nicFields = { iface_id: s.string, host_dev_name: s.string, guest_mac: s.option(mac) };
const limiters = { rx_rate_limiter: s.option(rateLimiter), tx_rate_limiter: s.option(rateLimiter) };
const nicWithMtu = struct('NetworkInterfaceConfig', { ...nicFields, mtu: s.option(s.u16), ...limiters });
const nicWithoutMtu = struct('NetworkInterfaceConfig', { ...nicFields, ...limiters });
export type Nic = Decoded<typeof nicWithMtu>;

export function nic(version: Version): Codec<Nic> {
  if (version.mtu) return nicWithMtu;
  return { decode: (reader) => ({ ...nicWithoutMtu.decode(reader), mtu: null }) };
}
export const nicUpdate = struct('NetworkInterfaceUpdateConfig', { iface_id: s.string, ...limiters });

export type NicUpdate = Decoded<typeof nicUpdate>;

export const drive = struct('BlockDeviceConfig', {
  drive_id: s.string,
  partuuid: s.option(s.string),
  is_root_device: s.boolean,
  cache_type: s.withDefault(s.variant('Unsafe', 'Writeback'), 'Unsafe'),
  is_read_only: s.option(s.boolean),
  path_on_host: s.option(s.string),
  rate_limiter: s.option(rateLimiter),
  io_engine: s.option(s.variant('Async', 'Sync')),
  socket: s.option(s.string),
});
export type Drive = Decoded<typeof drive>;
export const driveUpdate = struct('BlockDeviceUpdateConfig', {
  drive_id: s.string,
  path_on_host: s.option(s.string),
  rate_limiter: s.option(rateLimiter),
});
export type DriveUpdate = Decoded<typeof driveUpdate>;

export const pmem = struct('PmemConfig', {
  id: s.string,
  path_on_host: s.string,
  root_device: s.withDefault(s.boolean, false),
  read_only: s.withDefault(s.boolean, false),
  rate_limiter: s.option(rateLimiter),
});

export const vsock = struct('VsockDeviceConfig', {
  vsock_id: s.optionalWithDefault(s.string),
  guest_cid: s.u32,
  uds_path: s.string,
});
export type Vsock = Decoded<typeof vsock>;

export const bootSource = struct('BootSourceConfig', {
  kernel_image_path: s.string,
  initrd_path: s.option(s.string),
  boot_args: s.option(s.string),
});
export type BootSource = Decoded<typeof bootSource>;

const template = s.variant('C3', 'T2', 'T2S', 'None', 'T2CL', 'T2A');
const hugePages = s.variant('None', '2M');
/** Main has one more. */
const hugePagesMain = s.variant('None', 'Transparent', '2M');
const machineOf = (pages: Codec<'None' | 'Transparent' | '2M'>) =>
  struct('MachineConfig', {
    vcpu_count: s.u8,
    mem_size_mib: s.usize,
    smt: s.withDefault(s.boolean, false),
    cpu_template: s.optionalWithDefault(template),
    track_dirty_pages: s.withDefault(s.boolean, false),
    huge_pages: s.withDefault(pages, 'None'),
  });
const machineUpdateOf = (pages: Codec<'None' | 'Transparent' | '2M'>) =>
  struct('MachineConfigUpdate', {
    vcpu_count: s.optionalWithDefault(s.u8),
    mem_size_mib: s.optionalWithDefault(s.usize),
    smt: s.optionalWithDefault(s.boolean),
    cpu_template: s.optionalWithDefault(template),
    track_dirty_pages: s.optionalWithDefault(s.boolean),
    huge_pages: s.optionalWithDefault(pages),
  });
const pagesOf = (version: Version) => (version.transparentHugePages ? hugePagesMain : hugePages);
export const machine = (version: Version) => machineOf(pagesOf(version));
export const machineUpdate = (version: Version) => machineUpdateOf(pagesOf(version));
export type MachineUpdate = Decoded<ReturnType<typeof machineUpdateOf>>;

export const balloon = struct('BalloonDeviceConfig', {
  amount_mib: s.u32,
  deflate_on_oom: s.boolean,
  stats_polling_interval_s: s.withDefault(s.u16, 0),
  free_page_hinting: s.withDefault(s.boolean, false),
  free_page_reporting: s.withDefault(s.boolean, false),
});
export type Balloon = Decoded<typeof balloon>;
export const balloonUpdate = struct('BalloonUpdateConfig', { amount_mib: s.u32 });
export const balloonStatsUpdate = struct('BalloonUpdateStatsConfig', { stats_polling_interval_s: s.u16 });
export const entropy = struct('EntropyDeviceConfig', { rate_limiter: s.option(rateLimiter) });
export const serial = struct('SerialConfig', {
  serial_out_path: s.option(s.path),
  rate_limiter: s.option(tokenBucket),
});
const metricsRelease = struct('MetricsConfig', { metrics_path: s.path }, { open: true });
const metricsMain = struct(
  'MetricsConfig',
  { metrics_path: s.path, emit_id: s.withDefault(s.boolean, false), properties: s.optionalWithDefault(json) },
  { open: true },
);
export const metrics = (version: Version): Codec<{ metrics_path: string }> =>
  version.metricsProperties ? metricsMain : metricsRelease;
const levels = {
  off: 'Off',
  trace: 'Trace',
  debug: 'Debug',
  info: 'Info',
  warn: 'Warn',
  warning: 'Warn',
  error: 'Error',
};
export type Level = 'Off' | 'Trace' | 'Debug' | 'Info' | 'Warn' | 'Error';

/** A log level, as lenient as Firecracker is about its case. */
export function levelNamed(text: string): Level | undefined {
  const key = text.toLowerCase();
  return Object.hasOwn(levels, key) ? (levels[key as keyof typeof levels] as Level) : undefined;
}
const level = s.checked(s.string, (text) => levelNamed(text) ?? { error: 'Invalid LevelFilter' });
export const logger = struct('LoggerConfig', {
  log_path: s.option(s.path),
  level: s.option(level),
  show_level: s.option(s.boolean),
  show_log_origin: s.option(s.boolean),
  module: s.option(s.string),
});
export type Logger = Decoded<typeof logger>;

const ipv4 = s.checked(
  s.string,
  (text) =>
    text.split('.').length === 4 &&
    text.split('.').every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)
      ? text
      : { error: 'invalid IPv4 address syntax' },
  'visitor',
);
export const mmdsConfig = struct('MmdsConfig', {
  version: s.withDefault(s.variant('V1', 'V2'), 'V1'),
  network_interfaces: list(s.string),
  ipv4_address: s.option(ipv4),
  imds_compat: s.withDefault(s.boolean, false),
});
export type Mmds = Decoded<typeof mmdsConfig>;
export const mmdsData = json;

export const action = struct('ActionBody', {
  action_type: s.variant('FlushMetrics', 'InstanceStart', 'SendCtrlAltDel'),
});
export const vmState = struct('Vm', { state: s.variant('Paused', 'Resumed') });

export const createSnapshot = struct('CreateSnapshotParams', {
  snapshot_type: s.withDefault(s.variant('Diff', 'Full'), 'Full'),
  snapshot_path: s.path,
  mem_file_path: s.path,
});
export type CreateSnapshot = Decoded<typeof createSnapshot>;

const loadFields = {
  snapshot_path: s.path,
  mem_file_path: s.option(s.path),
  mem_backend: s.option(
    struct('MemBackendConfig', { backend_path: s.path, backend_type: s.variant('File', 'Uffd') }),
  ),
  enable_diff_snapshots: s.withDefault(s.boolean, false),
  track_dirty_pages: s.withDefault(s.boolean, false),
  resume_vm: s.withDefault(s.boolean, false),
  network_overrides: s.withDefault(
    list(struct('NetworkOverride', { iface_id: s.string, host_dev_name: s.string }, { open: true })),
    [],
  ),
  vsock_override: s.option(struct('VsockOverride', { uds_path: s.string }, { open: true })),
  clock_realtime: s.withDefault(s.boolean, false),
  huge_pages: s.withDefault(s.variant('Snapshot', 'None', 'Transparent', '2M'), 'Snapshot'),
} satisfies Record<LoadField, Codec<unknown>>;
export type LoadSnapshot = { [K in LoadField]: Decoded<(typeof loadFields)[K]> };

/** The body of a load as `version` knows it; fields that it does not know yet have their defaults. */
export function loadSnapshot(version: Version): Codec<LoadSnapshot> {
  const shape = Object.fromEntries(version.loadFields.map((field) => [field, loadFields[field]]));
  const known = struct('LoadSnapshotConfig', shape);
  const defaults = {
    track_dirty_pages: false,
    network_overrides: [],
    vsock_override: null,
    clock_realtime: false,
    huge_pages: 'Snapshot',
  };
  return { decode: (reader) => ({ ...defaults, ...known.decode(reader) }) as unknown as LoadSnapshot };
}

/** `--config-file`: unknown keys are ignored, as in Firecracker. */
export function configFile(version: Version) {
  return struct(
    'VmmConfig',
    {
      balloon: s.option(balloon),
      drives: list(drive),
      'boot-source': bootSource,
      'cpu-config': s.option(json),
      logger: s.option(logger),
      'machine-config': s.option(machine(version)),
      metrics: s.option(metrics(version)),
      'mmds-config': s.option(mmdsConfig),
      'network-interfaces': s.withDefault(list(nic(version)), []),
      vsock: s.option(vsock),
      entropy: s.option(entropy),
      pmem: s.withDefault(list(json), []),
      'memory-hotplug': s.option(json),
    },
    { open: true },
  );
}
