import { z } from 'zod';
import { AbsolutePath } from './ids.js';

const bucket = z.strictObject({
  size: z.int().min(1),
  one_time_burst: z.int().min(0).optional(),
  refill_time: z.int().min(1),
});

/** As Firecracker takes it. */
export const RateLimiter = z.strictObject({ bandwidth: bucket.optional(), ops: bucket.optional() });
export type RateLimiter = z.infer<typeof RateLimiter>;

export const BootSource = z.strictObject({
  kernel_image_path: AbsolutePath,
  initrd_path: AbsolutePath.optional(),
  boot_args: z.string().max(2048).optional(),
});

export const Drive = z.strictObject({
  /** Letters, digits and underscores: Firecracker's rule for ids. */
  drive_id: z.string().regex(/^[A-Za-z0-9_]{1,64}$/),
  path_on_host: AbsolutePath,
  is_root_device: z.boolean(),
  is_read_only: z.boolean().default(false),
  partuuid: z.string().max(64).optional(),
  cache_type: z.enum(['Unsafe', 'Writeback']).optional(),
  io_engine: z.enum(['Sync', 'Async']).optional(),
  rate_limiter: RateLimiter.optional(),
});
export type Drive = z.infer<typeof Drive>;

export const MachineConfig = z.strictObject({
  vcpu_count: z.int().min(1).max(32).default(1),
  mem_size_mib: z.int().min(1).max(1048576).default(128),
  smt: z.boolean().optional(),
  cpu_template: z.string().max(64).optional(),
  track_dirty_pages: z.boolean().optional(),
  huge_pages: z.enum(['None', '2M']).optional(),
});

/**
 * The fields of Firecracker's own configuration file that make sense here, under their own names, so a file that
 * works with `--config-file` can be given as it is. NICs and the vsock's path are thaw's to choose.
 */
export const MachineSpec = z.strictObject({
  'boot-source': BootSource,
  drives: z.array(Drive).max(26).default([]),
  'machine-config': MachineConfig.prefault({}),
  vsock: z
    .strictObject({ guest_cid: z.int().min(3).max(4294967294).default(3) })
    .nullable()
    .prefault({}),
  entropy: z.strictObject({ rate_limiter: RateLimiter.optional() }).optional(),
});
export type MachineSpec = z.output<typeof MachineSpec>;

/** How the agent in the guest is reached; null where there is none, and then nothing is ever called ready. */
export const AgentSpec = z
  .strictObject({
    dialect: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,30}$/)
      .default('qemu-ga'),
    /** `vsock`: through the VMM's socket; `unix`: a Unix socket of the VMM's; `tcp`: by the guest's network. */
    via: z.enum(['vsock', 'unix', 'tcp']).default('vsock'),
    /** Of vsock and TCP. */
    port: z.int().min(1).max(4294967295).default(1024),
    /** The Unix socket, relative to the VM's folder. */
    path: z
      .string()
      .regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/)
      .optional(),
    /** The guest's for TCP; else that of its first NIC. */
    address: z.union([z.ipv4(), z.ipv6()]).optional(),
  })
  .refine(({ via, path }) => (via === 'unix') === (path !== undefined), {
    message: 'a Unix socket has a path, nothing else has',
    path: ['path'],
  })
  .refine(({ via, address }) => via === 'tcp' || address === undefined, {
    message: 'only TCP has an address',
    path: ['address'],
  })
  .refine(({ via, port }) => via !== 'tcp' || port < 65_536, {
    message: 'a port of TCP is below 65536',
    path: ['port'],
  })
  .nullable();
export type AgentSpec = z.output<typeof AgentSpec>;
