import { z } from 'zod';

/** Made by the daemon: `vm-` and ten letters or digits. Names the VM's folder, its taps' alias and Firecracker's `--id`. */
export const VmId = z
  .string()
  .regex(/^vm-[0-9a-z]{10}$/)
  .brand<'VmId'>();
export type VmId = z.infer<typeof VmId>;

/** Made by the daemon: `snap-` and ten letters or digits. Never given twice. */
export const SnapshotId = z
  .string()
  .regex(/^snap-[0-9a-z]{10}$/)
  .brand<'SnapshotId'>();
export type SnapshotId = z.infer<typeof SnapshotId>;

/** Made by the daemon: `op-` and ten letters or digits. */
export const OperationId = z
  .string()
  .regex(/^op-[0-9a-z]{10}$/)
  .brand<'OperationId'>();
export type OperationId = z.infer<typeof OperationId>;

const word = /^(?!(?:vm|snap|op)-)[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/;

/** A name people give: a DNS label or several, as it becomes a hostname; never of the shape of an id's prefix. */
export const Name = z
  .string()
  .regex(word, 'lower-case letters, digits, dots and hyphens, at most 63')
  .brand<'Name'>();
export type Name = z.infer<typeof Name>;

/** A VM by its id or by its name. */
export const VmRef = z.string().min(1).max(63);
/** A snapshot by its id or by its name. */
export const SnapshotRef = z.string().min(1).max(63);

/** As the kernel takes it: 1 to 15 bytes, no slash, white space or colon (`dev_valid_name`). */
export const LinkName = z
  .string()
  .regex(/^(?!\.{1,2}$)[^\s/:]{1,15}$/, 'an interface name has 1 to 15 characters, without space, "/" or ":"')
  .brand<'LinkName'>();
export type LinkName = z.infer<typeof LinkName>;

/** Six lower-case hexadecimal pairs. */
export const Mac = z
  .string()
  .regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/)
  .brand<'Mac'>();
export type Mac = z.infer<typeof Mac>;

/** The name of a network of the configuration. */
export const NetworkName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,30}$/)
  .brand<'NetworkName'>();
export type NetworkName = z.infer<typeof NetworkName>;

/** An absolute path, without NUL. Sockets have a tighter bound of 107 bytes, checked where they are made. */
export const AbsolutePath = z
  .string()
  .regex(/^\/[^\0]*$/, 'an absolute path')
  .max(4096);

/** Milliseconds since 1970, by the host's clock. */
export const Time = z.number();

/** Milliseconds that a VM may live; at most a year. */
export const Ttl = z.int().min(1).max(31_536_000_000);

/** A token of the caller's; where given, `$/progress` notifications carry it. */
export const ProgressToken = z.union([z.string().max(128), z.int()]);
