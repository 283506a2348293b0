// What Firecracker answers. Tolerant: releases add keys.
import { z } from 'zod';

/** `GET /` */
export const VmmDescription = z.object({
  id: z.string(),
  state: z.enum(['Not started', 'Running', 'Paused']),
  vmm_version: z.string(),
  app_name: z.string(),
});
export type VmmDescription = z.output<typeof VmmDescription>;

/** `GET /version` */
export const VmmVersion = z.object({ firecracker_version: z.string() });

const list = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);

/** `GET /vm/config`: the effective configuration, hot-plugged devices included; the order of NICs is not stable. */
export const VmmConfig = z.object({
  drives: list(
    z.looseObject({
      drive_id: z.string(),
      is_root_device: z.boolean(),
      is_read_only: z.boolean().nullish(),
      path_on_host: z.string().nullish(),
      partuuid: z.string().nullish(),
    }),
  ),
  'boot-source': z
    .object({
      kernel_image_path: z.string(),
      initrd_path: z.string().nullish(),
      boot_args: z.string().nullish(),
    })
    .nullish(),
  'machine-config': z
    .looseObject({ vcpu_count: z.int(), mem_size_mib: z.int(), track_dirty_pages: z.boolean().nullish() })
    .nullish(),
  'network-interfaces': list(
    z.looseObject({
      iface_id: z.string(),
      host_dev_name: z.string(),
      guest_mac: z.string().nullish(),
      mtu: z.int().nullish(),
    }),
  ),
  vsock: z.looseObject({ guest_cid: z.int(), uds_path: z.string() }).nullish(),
  entropy: z.looseObject({}).nullish(),
  pmem: list(z.looseObject({ id: z.string() })),
});
export type VmmConfig = z.output<typeof VmmConfig>;

/** The words of a refusal: `fault_message`, or `error` (whose text may hold a raw newline), or the body as it is. */
export function faultOf(body: string): string {
  const text = body.replace(/\p{Cc}/gu, ' ').trim();
  const parsed = refusal.safeParse(parse(text));
  if (!parsed.success) return text.slice(0, longestFault);
  return (parsed.data.fault_message ?? parsed.data.error ?? text).slice(0, longestFault);
}

const longestFault = 2_000;
const refusal = z.object({ fault_message: z.string().optional(), error: z.string().optional() });

/** JSON, or undefined where it is none. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
