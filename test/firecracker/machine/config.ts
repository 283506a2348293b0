/** What a machine is configured as: defaults, updates with their checks, and how `GET /vm/config` shows it. */
import type * as bodies from '../api/bodies.js';
import { Fault } from '../errors.js';
import type { Version } from '../versions.js';

export interface MachineConfig {
  vcpu_count: number;
  mem_size_mib: number;
  smt: boolean;
  cpu_template?: string;
  track_dirty_pages: boolean;
  huge_pages: 'None' | 'Transparent' | '2M';
}

export const defaultMachine: MachineConfig = {
  vcpu_count: 1,
  mem_size_mib: 128,
  smt: false,
  track_dirty_pages: false,
  huge_pages: 'None',
};

/** Applies an update, or refuses it (src/vmm/src/vmm_config/machine_config.rs). */
export function updateMachine(old: MachineConfig, update: bodies.MachineUpdate): MachineConfig {
  const vcpu_count = update.vcpu_count ?? old.vcpu_count;
  const smt = update.smt ?? old.smt;
  const mem_size_mib = update.mem_size_mib ?? old.mem_size_mib;
  const huge_pages = update.huge_pages ?? old.huge_pages;
  if (vcpu_count === 0 || vcpu_count > 32 || (smt && vcpu_count > 1 && vcpu_count % 2 === 1)) {
    throw new Fault(
      'Machine config error: The number of vCPUs must be greater than 0, less than 32 and must be 1 or an even number if SMT is enabled.',
    );
  }
  if (mem_size_mib === 0 || (huge_pages !== 'None' && mem_size_mib % 2 !== 0)) {
    throw new Fault(
      'Machine config error: The memory size (MiB) is either 0, or not a multiple of the configured page size.',
    );
  }
  const template = update.cpu_template === null ? old.cpu_template : update.cpu_template;
  return {
    vcpu_count,
    mem_size_mib,
    smt,
    ...(template === undefined || template === 'None' ? {} : { cpu_template: template }),
    track_dirty_pages: update.track_dirty_pages ?? old.track_dirty_pages,
    huge_pages,
  };
}

export const noBootSource: bodies.BootSource = { kernel_image_path: '', initrd_path: null, boot_args: null };

export interface ShownConfig {
  balloon: unknown;
  drives: bodies.Drive[];
  bootSource: bodies.BootSource;
  machine: MachineConfig;
  mmds: unknown;
  nics: bodies.Nic[];
  vsock: { guest_cid: number; uds_path: string } | null;
  entropy: unknown;
}

/** A limiter that limits nothing is not shown. */
function limiter(config: bodies.RateLimiter | null): bodies.RateLimiter | null {
  return config && (config.bandwidth || config.ops) ? config : null;
}

/** The body of `GET /vm/config`, its keys in Firecracker's order. */
export function showConfig(shown: ShownConfig, version: Version): unknown {
  const nics = shown.nics.map((nic) => {
    const limiters = {
      rx_rate_limiter: limiter(nic.rx_rate_limiter),
      tx_rate_limiter: limiter(nic.tx_rate_limiter),
    };
    const { iface_id, host_dev_name, guest_mac } = nic;
    return { iface_id, host_dev_name, guest_mac, ...(version.mtu ? { mtu: nic.mtu } : {}), ...limiters };
  });
  const config: Record<string, unknown> = {
    balloon: shown.balloon,
    drives: shown.drives.map((drive) => ({
      ...drive,
      is_read_only: drive.is_read_only ?? false,
      rate_limiter: limiter(drive.rate_limiter),
      io_engine: drive.io_engine ?? 'Sync',
    })),
    'boot-source': shown.bootSource,
    'cpu-config': null,
    logger: null,
    'machine-config': shown.machine,
    metrics: null,
    'mmds-config': shown.mmds,
    'network-interfaces': nics,
    vsock: shown.vsock,
    entropy: shown.entropy,
    pmem: [],
    'memory-hotplug': null,
  };
  return Object.fromEntries(Object.entries(config).filter(([key]) => !version.configWithout.includes(key)));
}
